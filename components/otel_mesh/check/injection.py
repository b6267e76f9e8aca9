"""Injection of proxies: namespaces' labels, pods without a proxy, and Collectors that get the mesh's telemetry."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from otel_mesh.check.findings import Severity, code, found
from otel_mesh.check.hosts import Hosts
from otel_mesh.check.objects import ISTIO, mapping, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_mesh.check.findings import Finding
    from otel_mesh.check.index import Index
    from otel_mesh.check.objects import Object
    from otel_mesh.check.workloads import Workload

NO_LABEL: Final = code(
    "OM801",
    Severity.INFO,
    "namespace that says nothing about injection",
    why="Its pods get no proxy: no mTLS, no policies, no spans.",
    remedy="set the label istio-injection to enabled, or to disabled where that is meant",
    istioctl=("IST0102",),
)
POLICED: Final = code(
    "OM802",
    Severity.WARNING,
    "policies for pods without a proxy",
    why="Nothing enforces them.",
    remedy="label the namespace (istio-injection, istio.io/rev) or annotate it (linkerd.io/inject)",
)
TWO_LABELS: Final = code(
    "OM803",
    Severity.WARNING,
    "namespace with two injection labels",
    why="Which control plane injects the pods is not defined.",
    remedy="keep one of istio-injection, istio.io/rev and istio.io/dataplane-mode",
    istioctl=("IST0123",),
)
NO_PROXY: Final = code(
    "OM804",
    Severity.WARNING,
    "pod without a proxy in an injected namespace",
    why="It is older than the label, or injection failed: no mTLS, no policies, no spans.",
    remedy="restart the workload",
    istioctl=("IST0103",),
)
AUTO: Final = code(
    "OM805",
    Severity.ERROR,
    "image 'auto' where nothing injects",
    why="The name is a placeholder for the injector: the pod cannot start.",
    remedy="label the pod sidecar.istio.io/inject=true, or the namespace",
    istioctl=("IST0146", "IST0147"),
)
COLLECTOR: Final = code(
    "OM806",
    Severity.ERROR,
    "Collector outside the mesh that proxies send to",
    why="Proxies demand or verify its mesh identity: their spans are dropped.",
    remedy="inject the Collector's pods",
)
_SYSTEM: Final = frozenset({"istio-system", "kube-system", "kube-public", "kube-node-lease"})
_TRACE_COLLECTOR: Final = "config.linkerd.io/trace-collector"
_PROVIDER: Final = re.compile(r"^\s*service:\s*[\"']?(?P<host>[a-z0-9.-]+)", re.MULTILINE)


def check(index: Index) -> Iterator[Finding]:
    """Findings of this module."""
    policed = _policed(index)
    for namespace in index.namespaces.values():
        yield from _namespace(index, namespace, policed.get(namespace.name))
    for workload in index.workloads:
        yield from _workload(index, workload)
    yield from _collectors(index)


def _policed(index: Index) -> dict[str, Object]:
    """An object of each namespace that only proxies enforce."""
    made: dict[str, Object] = {}
    for kind in ("AuthorizationPolicy", "PeerAuthentication", "Sidecar"):
        for one in index.of(kind, ISTIO):
            made.setdefault(one.namespace, one)
    return made


def _namespace(index: Index, namespace: Object, policy: Object | None) -> Iterator[Finding]:
    labels = namespace.labels
    if namespace.name in _SYSTEM:
        return
    injection = text(labels.get("istio-injection"))
    others = [key for key in ("istio.io/rev", "istio.io/dataplane-mode") if key in labels]
    if len([*others, *(["istio-injection"] if injection else [])]) > 1 and injection in ("", "enabled"):
        shown = ", ".join(f"{key}={labels[key]}" for key in ("istio-injection", *others) if key in labels)
        yield found(TWO_LABELS, namespace, "metadata.labels", f"it has {shown}")
    if injection or others or "linkerd.io/inject" in namespace.annotations:
        return
    pods = index.workloads_in(namespace.name)
    if policy is not None and pods and not any(index.injects(pod) for pod in pods):
        yield found(POLICED, namespace, "metadata.labels", f"{policy} applies to pods that no mesh injects")
    elif index.has_istio and not (pods and all(_decides(index, pod) for pod in pods)):
        yield found(NO_LABEL, namespace, "metadata.labels", "no label says whether pods are injected")


def _decides(index: Index, pod: Workload) -> bool:
    """Whether pods say themselves that they get a proxy, or get none."""
    own = "sidecar.istio.io/inject"
    return pod.is_on_host_network or own in pod.labels or own in pod.annotations or index.injects(pod)


def _workload(index: Index, workload: Workload) -> Iterator[Finding]:
    if workload.object.kind == "Pod" and not workload.is_on_host_network and workload.namespace not in _SYSTEM:
        namespace = index.namespaces.get(workload.namespace)
        injected = namespace is not None and namespace.labels.get("istio-injection") == "enabled"
        refused = "false" in (
            str(workload.labels.get("sidecar.istio.io/inject")),
            str(workload.annotations.get("sidecar.istio.io/inject")),
        )
        if injected and not refused and not workload.has_proxy and "spec" in workload.object.manifest:
            yield found(NO_PROXY, workload.object, "spec.containers", "it has no container 'istio-proxy'")
    for path, container in workload.containers():
        if container.get("image") == "auto" and not _injected(index, workload):
            yield found(AUTO, workload.object, f"{path}.image", "no label has the pods injected")


def _injected(index: Index, workload: Workload) -> bool:
    own = str(workload.labels.get("sidecar.istio.io/inject", ""))
    if own:
        return own == "true"
    namespace = index.namespaces.get(workload.namespace)
    labels = namespace.labels if namespace else {}
    if labels.get("istio-injection") == "disabled":
        return False
    return labels.get("istio-injection") == "enabled" or "istio.io/rev" in {**labels, **workload.labels}


def _collectors(index: Index) -> Iterator[Finding]:
    hosts = Hosts(index)
    told: set[int] = set()
    for source, path, host in _receivers(index):
        service = hosts.find(host, source.namespace)
        if service is None or service.kind != "Service":
            continue
        for pod in hosts.workloads(service):
            if not index.injects(pod) and id(pod) not in told:
                told.add(id(pod))
                message = f"{source} sends the proxies' spans to {service}"
                yield found(COLLECTOR, pod.object, pod.path("metadata.labels"), f"{message} ({path})")


def _receivers(index: Index) -> Iterator[tuple[Object, str, str]]:
    """Hosts that proxies send telemetry to."""
    for one in index.of("ConfigMap"):
        mesh = text(mapping(one.manifest.get("data")).get("mesh"))
        for found_host in _PROVIDER.finditer(mesh):
            yield one, "data.mesh", found_host["host"]
    for workload in index.workloads if index.has_linkerd else ():
        if _TRACE_COLLECTOR in workload.annotations:
            host = str(workload.annotations[_TRACE_COLLECTOR]).rpartition(":")[0]
            yield workload.object, workload.path(f"metadata.annotations[{_TRACE_COLLECTOR}]"), host
