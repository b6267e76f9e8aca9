"""Starting the node from any state: never started, stopped, half started, partly or wholly killed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import psutil

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.unready_pods import explain_unready
from otel_mesh_embedded import images
from otel_mesh_embedded.node import arguments, waiting
from otel_mesh_embedded.node.api import Api
from otel_mesh_embedded.node.control_plane import encryption, servers
from otel_mesh_embedded.node.layout import BRIDGE, CLUSTER_DOMAIN, DNS_SERVICE_ADDRESS, NODE_NAME, RANGES
from otel_mesh_embedded.node.machine import cgroups, residue
from otel_mesh_embedded.node.network import policies, ranges
from otel_mesh_embedded.node.objects import admission, manifests, storage, trust
from otel_mesh_embedded.node.workers import agents, runtime
from otel_mesh_embedded.pki import authorities, credentials

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from otel_mesh_embedded.node.layout import Layout
    from otel_mesh_embedded.node.node import Node

API_TIMEOUT = 90.0
RUNTIME_TIMEOUT = 30.0
NODE_TIMEOUT = 90.0
DNS_TIMEOUT = 120.0
ADMISSION_TIMEOUT = 60.0
"""Seconds; each is many times what a slow machine with two cores takes."""

_FIREWALLD = f"let firewalld trust the pods' network: firewall-cmd --zone=trusted --add-interface={BRIDGE}"
_ALL_CONTROL = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")


def start(node: Node, references: Mapping[str, str], progress: Callable[[str], None]) -> None:
    """Start every program and apply the cluster's own objects.

    Args:
        node: Node to start.
        references: Image references by name; ``pause`` and ``coredns`` are used.
        progress: Called with each step.

    Raises:
        CommandError: a program does not start.
    """
    layout, registry = node.layout, node.registry
    layout.make_folders()
    ranges.record(layout.networks, RANGES)
    renew(layout, progress)
    runtime.describe(layout)
    _recover(node, progress)
    cgroups.prepare()
    node.network.up()

    progress("starting etcd, kube-apiserver, containerd")
    registry.ensure(arguments.program(layout, node.programs, "etcd"))
    registry.ensure(servers.api_server(layout, node.programs))
    registry.ensure(runtime.containerd(layout, node.programs, references["pause"]))
    waiting.until("containerd", node.pods.runtime_answers, registry, ["containerd"], timeout=RUNTIME_TIMEOUT)
    progress("importing images")
    images.import_all(node.ctr, references.values())
    api = Api(layout)
    waiting.until("API server", api.is_ready, registry, ["etcd", "kube-apiserver"], timeout=API_TIMEOUT)

    if encryption.is_changing(layout):
        encryption.finish(layout, api, progress)
        registry.ensure(servers.api_server(layout, node.programs))
        waiting.until("API server", api.is_ready, registry, ["etcd", "kube-apiserver"], timeout=API_TIMEOUT)

    progress("starting kubelet, kube-proxy, kube-controller-manager, kube-scheduler")
    moment = _start_agents(node)
    progress("applying storage, DNS, access rules")
    objects = manifests.build(coredns_image=references["coredns"], name_servers=agents.machine_name_servers())
    manifests.apply(api, objects)
    registry.ensure(arguments.program(layout, node.programs, storage.PROGRAM))
    registry.ensure(policies.program(layout, node.programs))
    progress("waiting for the node and its DNS")
    everything = (*_ALL_CONTROL, "containerd", "kube-proxy", storage.PROGRAM, policies.PROGRAM, "kubelet")
    waiting.until("node", lambda: _is_node_ready(api, moment), registry, everything, timeout=NODE_TIMEOUT)
    trust.spread(layout, api, progress)
    try:
        waiting.until("DNS", _dns_answers, registry, everything, timeout=DNS_TIMEOUT)
    except CommandError as error:
        reasons = explain_unready(api, ["kube-system"])
        remedy = _FIREWALLD if _firewalld_runs() else error.remedy
        raise CommandError("; ".join(["DNS: does not answer", *reasons]), remedy=remedy, log=error.log) from error
    for name in admission.wait(api, progress, ADMISSION_TIMEOUT):
        progress(f"{name} does not answer: what it has to admit will be refused")


def renew(layout: Layout, progress: Callable[[str], None], asked: Collection[str] = ()) -> None:
    """Issue credentials that are due or asked for; the next start replaces programs that run with older ones."""
    trust.before_change(layout)
    issued = credentials.ensure(layout, renew=asked)
    encryption.ensure(layout)
    for reason in sorted(set(issued.values()) - {authorities.MISSING}):
        names = ", ".join(name for name, one in issued.items() if one == reason)
        progress(f"certificates issued anew, {reason}: {names}")


def _start_agents(node: Node) -> datetime | None:
    """Start what needs the API server; the moment at which kubelet was started, None when it ran already."""
    layout, registry = node.layout, node.registry
    moment = datetime.now(UTC).replace(microsecond=0)
    protects = runtime.may_lower_oom_score()
    registry.ensure(agents.kubelet(layout, node.programs, protects_oom=protects))
    registry.ensure(agents.proxy(layout, node.programs, protects_oom=protects))
    registry.ensure(arguments.program(layout, node.programs, "kube-controller-manager"))
    registry.ensure(servers.scheduler(layout, node.programs))
    return moment if "kubelet" in registry.started else None


def _recover(node: Node, progress: Callable[[str], None]) -> None:
    """Clear the remains of a killed node that cannot continue."""
    runtime_lives = node.registry.main("containerd") is not None
    if node.pods.shims() and not node.network.bridge_is_ours():
        # Pods whose bridge is gone have no network and would not get one again.
        progress("ending pods whose network is gone")
        node.registry.stop("kubelet")
        node.pods.stop()
    if not node.pods.shims():
        node.pods.kill()  # containers whose shims were killed
        if not runtime_lives:
            residue.sweep(node.layout)
    if node.registry.main("kubelet") is None:
        # A mesh's agent that lives chains itself on again; an entry whose agent was killed would fail every pod.
        runtime.write_network_configuration(node.layout)


def _is_node_ready(api: Api, since: datetime | None) -> bool:
    """True once kubelet has reported Ready since its start: until then the API server has an older report."""
    found = api.get(f"/api/v1/nodes/{NODE_NAME}")
    if found is None:
        return False
    for condition in found["status"].get("conditions", []):
        if condition["type"] == "Ready" and condition["status"] == "True":
            return since is None or datetime.fromisoformat(condition["lastHeartbeatTime"]) >= since
    return False


def _dns_answers() -> bool:
    return waiting.dns_answers(DNS_SERVICE_ADDRESS, f"kubernetes.default.svc.{CLUSTER_DOMAIN}")


def _firewalld_runs() -> bool:
    """True if firewalld runs: rules of iptables cannot open what its own tables close."""
    return any(process.info["name"] == "firewalld" for process in psutil.process_iter(["name"]))
