"""Which pods ought to have a sidecar."""

from __future__ import annotations

from typing import Any

from otel_mesh_cli.stacks.sidecars import lacks_sidecar, remedy


def _pod(*, init: bool = False, containers: tuple[str, ...] = ("app",), **metadata: Any) -> dict[str, Any]:  # noqa: ANN401
    native = [{"name": "istio-proxy", "restartPolicy": "Always"}] if init else []
    return {
        "metadata": {"name": "app-1", **metadata},
        "spec": {"containers": [{"name": name} for name in containers], "initContainers": native},
    }


def test_a_pod_without_a_proxy_lacks_it() -> None:
    assert lacks_sidecar(_pod())


def test_a_native_sidecar_an_ordinary_one_and_a_gateway_count() -> None:
    assert not lacks_sidecar(_pod(init=True))
    assert not lacks_sidecar(_pod(containers=("app", "istio-proxy")))
    assert not lacks_sidecar(_pod(containers=("istio-proxy",)))


def test_a_pod_that_is_deliberately_outside_or_on_its_way_out_lacks_nothing() -> None:
    assert not lacks_sidecar(_pod(labels={"sidecar.istio.io/inject": "false"}))
    assert not lacks_sidecar(_pod(deletionTimestamp="2026-11-21T12:00:00Z"))
    assert lacks_sidecar(_pod(labels={"sidecar.istio.io/inject": "true"}))


def test_one_command_makes_it_again() -> None:
    assert remedy("shop", "app-1") == "kubectl -n shop delete pod app-1"
