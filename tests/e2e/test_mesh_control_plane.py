"""The mesh without its control plane, and a pod without its proxy."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pytest

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.smoke import request
from otel_mesh_cli.stacks.stack_mesh import stack_mesh
from tests.e2e.meshed_pods import PATIENCE, proxy_processes, restarts, sidecars, until_whole
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import httpx

pytestmark = [pytest.mark.e2e, pytest.mark.full]

REQUESTS = 50


@dataclass(frozen=True)
class ControlPlane:
    """The Deployments that a mesh cannot take new pods without."""

    namespace: str
    deployments: tuple[str, ...]
    selector: str
    """Label selector of their pods."""
    gone_within: str
    """Timeout of their pods' end."""
    back_within: str
    """Timeout of each Deployment's return."""
    proxy: range
    """Numbers of processes that a proxy may have; Istio's are pilot-agent and Envoy."""

    def scale(self, kubectl: Callable[..., str], replicas: int) -> None:
        kubectl("scale", "-n", self.namespace, *self.deployments, f"--replicas={replicas}")

    def leave(self, kubectl: Callable[..., str]) -> None:
        self.scale(kubectl, 0)
        words = ("--for=delete", "pod", f"--selector={self.selector}", f"--timeout={self.gone_within}")
        kubectl("wait", "-n", self.namespace, *words)

    def come_back(self, kubectl: Callable[..., str]) -> None:
        self.scale(kubectl, 1)
        for one in self.deployments:
            kubectl("rollout", "status", "-n", self.namespace, one, f"--timeout={self.back_within}")


PLANES: Final = {
    "istio": ControlPlane(
        "istio-system",
        ("deployment/istiod",),
        "app=istiod",
        gone_within="60s",
        back_within="120s",
        proxy=range(2, 3),
    ),
    "linkerd": ControlPlane(
        "linkerd",
        tuple(f"deployment/linkerd-{part}" for part in ("destination", "identity", "proxy-injector")),
        "linkerd.io/control-plane-component in (destination,identity,proxy-injector)",
        gone_within="120s",
        back_within="180s",
        proxy=range(1, sys.maxsize),
    ),
}


@pytest.fixture
def plane() -> ControlPlane:
    return PLANES[stack_mesh().kind]


@pytest.fixture
def _without_control_plane(kubectl: Callable[..., str], plane: ControlPlane) -> Iterator[None]:
    """Scales the control plane to zero and back at the end."""
    plane.leave(kubectl)
    yield
    plane.come_back(kubectl)
    until_whole(kubectl)


@pytest.mark.usefixtures("_without_control_plane")
def test_requests_continue_without_the_control_plane_and_pods_join_after_its_return(
    http: httpx.Client, kubectl: Callable[..., str], plane: ControlPlane
) -> None:
    for _ in range(REQUESTS):
        request.request(http)
    before = set(sidecars(kubectl))
    kubectl("delete", "pod", "-n", "shop", "--selector=app.kubernetes.io/name=user-service", "--wait=true")
    assert set(sidecars(kubectl)) < before, "nobody admits a pod of the mesh: it is not made, rather than bare"
    plane.come_back(kubectl)
    wait_for(lambda: len(sidecars(kubectl)) >= len(before), patience_s=PATIENCE, every_s=1)
    until_whole(kubectl)
    request.run()


def test_a_killed_proxy_is_restarted(http: httpx.Client, kubectl: Callable[..., str], plane: ControlPlane) -> None:
    [pod] = [name for name in sidecars(kubectl) if name.startswith("user-service")]
    killed = restarts(kubectl, pod)
    pids = proxy_processes(pod)
    assert len(pids) in plane.proxy
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
