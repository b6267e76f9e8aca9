"""Stopping the node from any state, and listing its remains."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_mesh_embedded.node import forwards, waiting
from otel_mesh_embedded.node.machine import cgroups, residue
from otel_mesh_embedded.supervision import processes

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_mesh_embedded.node.node import Node

SUPERVISOR = "supervisor"
_CLUSTER = (
    "network-policies",
    "volume-provisioner",
    "kube-proxy",
    "kube-scheduler",
    "kube-controller-manager",
    "kube-apiserver",
    "etcd",
)
_ETCD_GRACE = 20.0
_RUNTIME_TIMEOUT_S = 15.0


def stop(node: Node, progress: Callable[[str], None]) -> None:
    """End all processes; images, volumes, certificates and the cluster's database stay."""
    registry = node.registry
    node.layout.make_folders()
    registry.stop(SUPERVISOR)
    names = {process.name for process in registry.processes()} | set(registry.specified())
    progress("stopping pods")
    for name in names - {"containerd"}:
        registry.forget(name)
    for name in sorted(name for name in names if name.startswith(forwards.PREFIX)):
        registry.stop(name)
    registry.stop("kubelet")  # first, else it starts again what is stopped
    _have_runtime(node)
    node.pods.stop()
    progress("stopping the cluster's programs")
    together = [process for process in registry.processes() if process.name in _CLUSTER[:-1]]
    processes.end(together)
    registry.stop("etcd", grace=_ETCD_GRACE)
    registry.stop("containerd")
    processes.end(registry.processes())
    progress("removing mounts, network, cgroups")
    residue.sweep(node.layout)
    residue.tidy(node.layout)
    node.network.down()
    cgroups.remove()


def leftovers(node: Node) -> list[str]:
    """Remains of the node outside its folders, one line each."""
    found = [f"process {process.pid} ({process.name})" for process in node.registry.processes()]
    found += [f"process {pid} (in a pod)" for pid in sorted(cgroups.pods())]
    found += residue.leftovers(node.layout)
    found += node.network.leftovers()
    return found + [f"cgroup {folder}" for folder in cgroups.branches()]


def _have_runtime(node: Node) -> None:
    """Start a killed containerd again, because it knows the stop signal of each container."""
    if node.pods.shims() and node.registry.main("containerd") is None:
        if node.registry.restore("containerd") is None:
            return
        waiting.poll(node.pods.runtime_answers, _RUNTIME_TIMEOUT_S)
