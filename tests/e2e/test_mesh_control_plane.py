"""The mesh without istiod, without a sidecar, and after its removal."""

from __future__ import annotations

import contextlib
import os
import signal
from typing import TYPE_CHECKING

import pytest

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.smoke import request
from tests.e2e.meshed_pods import PATIENCE, proxy_processes, restarts, sidecars, until_whole
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from subprocess import CompletedProcess

    import httpx

pytestmark = [pytest.mark.e2e, pytest.mark.full]

ISTIOD = ("-n", "istio-system", "deployment/istiod")
REQUESTS = 50
QUIETLY = ("--yes", "--skip-preview", "--non-interactive")


@pytest.fixture
def _without_istiod(kubectl: Callable[..., str]) -> Iterator[None]:
    """Scales istiod to zero and back at the end."""
    kubectl("scale", *ISTIOD, "--replicas=0")
    kubectl("wait", "-n", "istio-system", "--for=delete", "pod", "--selector=app=istiod", "--timeout=60s")
    yield
    kubectl("scale", *ISTIOD, "--replicas=1")
    kubectl("rollout", "status", *ISTIOD, "--timeout=120s")
    until_whole(kubectl)


@pytest.mark.usefixtures("_without_istiod")
def test_requests_continue_without_the_control_plane_and_pods_join_after_its_return(
    http: httpx.Client, kubectl: Callable[..., str]
) -> None:
    for _ in range(REQUESTS):
        request.request(http)
    before = set(sidecars(kubectl))
    kubectl("delete", "pod", "-n", "shop", "--selector=app.kubernetes.io/name=user-service", "--wait=true")
    assert set(sidecars(kubectl)) < before, "nobody admits a pod of the mesh: it is not made, rather than bare"
    kubectl("scale", *ISTIOD, "--replicas=1")
    wait_for(lambda: len(sidecars(kubectl)) >= len(before), patience_s=PATIENCE, every_s=1)
    until_whole(kubectl)
    request.run()


def test_a_killed_sidecar_is_restarted(http: httpx.Client, kubectl: Callable[..., str]) -> None:
    [pod] = [name for name in sidecars(kubectl) if name.startswith("user-service")]
    killed = restarts(kubectl, pod)
    pids = proxy_processes(pod)
    assert len(pids) == len(["pilot-agent", "envoy"])
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: restarts(kubectl, pod) > killed, patience_s=PATIENCE, every_s=0.5)
    until_whole(kubectl)

    def answers() -> bool:
        with contextlib.suppress(CommandError):
            return bool(request.request(http))
        return False

    wait_for(answers, patience_s=PATIENCE, every_s=0.5)
    assert list(sidecars(kubectl)).count(pod) == 1, "the same pod: its service was not restarted"


def test_changes_by_istiod_to_its_own_webhooks_are_not_drift(run: Callable[..., CompletedProcess[str]]) -> None:
    done = run("pulumi", "up", "--refresh", "--expect-no-changes", *QUIETLY)
    assert done.returncode == 0, done.stdout + done.stderr


def test_destroy_completes_and_keeps_the_definitions_and_up_restores_everything(
    run: Callable[..., CompletedProcess[str]], kubectl: Callable[..., str]
) -> None:
    groups = (".istio.io", ".gateway.networking.k8s.io")
    definitions = [name for name in kubectl("get", "crd", "-o", "name").split() if name.endswith(groups)]
    for name in ("virtualservices.networking.istio.io", "httproutes.gateway.networking.k8s.io"):
        assert f"customresourcedefinition.apiextensions.k8s.io/{name}" in definitions
    done = run("pulumi", "destroy", *QUIETLY, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "stay in the cluster" in done.stdout
    assert "delete crd" in done.stdout
    left = kubectl("get", "crd", "-o", "name").split()
    assert [name for name in definitions if name not in left] == []
    gone = kubectl("get", "mutatingwebhookconfigurations,validatingwebhookconfigurations", "-o", "name")
    assert "istio" not in gone
    namespaces = kubectl("get", "namespaces", "-o", "name").split()
    assert {"namespace/shop", "namespace/istio-system", "namespace/istio-cni"}.isdisjoint(namespaces)
    done = run("make", "up", timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    until_whole(kubectl)
