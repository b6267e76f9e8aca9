"""The node's CNI agent of the mesh killed, removed and restored: pods can start again."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from typing import TYPE_CHECKING, Any

import pytest

from otel_mesh_embedded.node.layout import layout
from otel_mesh_embedded.node.machine import cgroups
from otel_mesh_embedded.node.node import registry
from otel_mesh_embedded.node.workers.runtime import CNI_FILE
from tests.e2e import node_processes
from tests.e2e.meshed_pods import PATIENCE, sidecars, until_whole
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from subprocess import CompletedProcess

pytestmark = [pytest.mark.e2e, pytest.mark.full]

AGENT = ("-n", "istio-cni", "daemonset/istio-cni-node")
NOWHERE = "otel-mesh.local/no-such-node"
NOT_CAUGHT = 126


def plugins() -> list[str]:
    """The chain of CNI plugins the runtime runs for a new pod."""
    found = json.loads((layout().cni_config / CNI_FILE).read_text())["plugins"]
    return [plugin["type"] for plugin in found]


def validation_ended(pod: dict[str, Any]) -> int | None:
    """Exit status of the validation that the pod's traffic is redirected."""
    for status in pod["status"].get("initContainerStatuses", []):
        for state in (status["state"], status.get("lastState", {})):
            if status["name"] == "istio-validation" and "terminated" in state:
                return int(state["terminated"]["exitCode"])
    return None


def kill_everything() -> None:
    """Kill the node's programs and all processes of pods at once, including those restarted by the supervisor."""
    while pids := {*(process.pid for process in registry(layout()).processes()), *cgroups.pods()}:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@pytest.fixture
def _without_agent(kubectl: Callable[..., str]) -> Iterator[None]:
    """Removes the network agent from every node and restores it at the end."""

    def place(label: str | None) -> None:
        selector = {"spec": {"template": {"spec": {"nodeSelector": {NOWHERE: label}}}}}
        kubectl("patch", *AGENT, "--patch", json.dumps(selector))

    place("true")
    kubectl("wait", "-n", "istio-cni", "--for=delete", "pod", "--selector=k8s-app=istio-cni-node", "--timeout=180s")
    yield
    place(None)
    kubectl("rollout", "status", *AGENT, "--timeout=180s")
    until_whole(kubectl)


def test_after_an_unclean_stop_every_pod_starts_with_its_sidecar(
    run: Callable[..., CompletedProcess[str]], kubectl: Callable[..., str]
) -> None:
    until_whole(kubectl)
    before = set(sidecars(kubectl))
    assert plugins()[-1] == "istio-cni"
    kill_everything()
    assert plugins()[-1] == "istio-cni", "nobody was left to take the agent's entry, with its token, away"
    done = run("make", "up", timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    until_whole(kubectl)
    assert plugins()[-1] == "istio-cni"
    assert plugins().count("istio-cni") == 1
    assert len(sidecars(kubectl)) == len(before)
    assert node_processes.doubles() == []


@pytest.mark.usefixtures("_without_agent")
def test_without_the_cni_agent_only_mesh_pods_fail_to_start(kubectl: Callable[..., str]) -> None:
    assert "istio-cni" not in plugins()
    kubectl("delete", "pod", "-n", "shop", "--selector=app.kubernetes.io/name=user-service", "--wait=true")
    kubectl("delete", "pod", "-n", "observability", "--selector=app.kubernetes.io/name=jaeger", "--wait=true")
    kubectl("rollout", "status", "-n", "observability", "deployment/jaeger", "--timeout=180s")
    [name] = [name for name in sidecars(kubectl) if name.startswith("user-service")]
    ended = wait_for(
        lambda: validation_ended(json.loads(kubectl("get", "pod", "-n", "shop", name, "-o", "json"))),
        patience_s=PATIENCE,
        every_s=1,
    )
    assert ended == NOT_CAUGHT
    assert not sidecars(kubectl)[name]
