"""Linkerd without its control plane, and without a proxy."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

import pytest

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.smoke import request
from tests.e2e.meshed_pods import PATIENCE, proxy_processes, restarts, sidecars, until_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import httpx

pytestmark = [pytest.mark.e2e, pytest.mark.full]

PLANE = tuple(f"deployment/linkerd-{part}" for part in ("destination", "identity", "proxy-injector"))
REQUESTS = 50


def _back(kubectl: Callable[..., str]) -> None:
    kubectl("scale", "-n", "linkerd", *PLANE, "--replicas=1")
    for one in PLANE:
        kubectl("rollout", "status", "-n", "linkerd", one, "--timeout=180s")


@pytest.fixture
def _without_control_plane(kubectl: Callable[..., str]) -> Iterator[None]:
    """Scales the control plane to zero and back at the end."""
    kubectl("scale", "-n", "linkerd", *PLANE, "--replicas=0")
    selector = "--selector=linkerd.io/control-plane-component in (destination,identity,proxy-injector)"
    kubectl("wait", "-n", "linkerd", "--for=delete", "pod", selector, "--timeout=120s")
    yield
    _back(kubectl)
    until_whole(kubectl)


@pytest.mark.usefixtures("_without_control_plane")
def test_requests_continue_without_the_control_plane_and_pods_join_after_its_return(
    http: httpx.Client, kubectl: Callable[..., str]
) -> None:
    for _ in range(REQUESTS):
        request.request(http)
    before = set(sidecars(kubectl))
    kubectl("delete", "pod", "-n", "shop", "--selector=app.kubernetes.io/name=user-service", "--wait=true")
    assert set(sidecars(kubectl)) < before, "nobody admits a pod of the mesh: it is not made, rather than bare"
    _back(kubectl)
    deadline = time.monotonic() + PATIENCE
    while len(sidecars(kubectl)) < len(before):
        assert time.monotonic() < deadline
        time.sleep(1)
    until_whole(kubectl)
    request.run()


def test_a_killed_proxy_is_restarted(http: httpx.Client, kubectl: Callable[..., str]) -> None:
    [pod] = [name for name in sidecars(kubectl) if name.startswith("user-service")]
    killed = restarts(kubectl, pod)
    pids = proxy_processes(pod)
    assert pids
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + PATIENCE
    while restarts(kubectl, pod) == killed:
        assert time.monotonic() < deadline
        time.sleep(0.5)
    until_whole(kubectl)
    while True:
        try:
            request.request(http)
            break
        except CommandError:
            assert time.monotonic() < deadline
            time.sleep(0.5)
    assert list(sidecars(kubectl)).count(pod) == 1, "the same pod: its service was not restarted"
