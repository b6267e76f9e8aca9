"""Selectors that select nothing, and objects of a kind that select the same pods."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from otel_mesh.check.findings import Severity, code, found
from otel_mesh.check.index import ROOT_NAMESPACE, holds
from otel_mesh.check.objects import GATEWAY_API, ISTIO, LINKERD, MONITORING, mapping, mappings, words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from otel_mesh.check.findings import Finding
    from otel_mesh.check.index import Index
    from otel_mesh.check.objects import Object
    from otel_mesh.check.workloads import Workload

SERVICE: Final = code(
    "OM201",
    Severity.WARNING,
    "Service without pods",
    why="Every connection to the Service is refused.",
    remedy="select labels of the pod template",
)
POLICY: Final = code(
    "OM202",
    Severity.WARNING,
    "selector that selects no pods",
    why="The object has no effect.",
    remedy="select labels of the pod template",
    istioctl=("IST0101", "IST0127"),
)
PEER: Final = code(
    "OM203",
    Severity.WARNING,
    "peer of a NetworkPolicy that selects nothing",
    why="The rule allows nobody.",
    remedy="select labels of the pods, and for another namespace a namespaceSelector too",
)
SAME_PODS: Final = code(
    "OM204",
    Severity.ERROR,
    "two objects for the same pods",
    why="Istio uses one of them, and which one is not defined.",
    remedy="merge them, or let them select different pods",
    istioctl=("IST0110", "IST0111", "IST0159", "IST0160"),
)
GATEWAY_PODS: Final = code(
    "OM205",
    Severity.WARNING,
    "selector of a Gateway API gateway's pods",
    why="Istio ignores selectors for generated gateways.",
    remedy="name the Gateway in targetRefs",
    istioctl=("IST0166",),
)
SCRAPED: Final = code(
    "OM206",
    Severity.WARNING,
    "monitor that selects nothing",
    why="Prometheus scrapes nothing.",
    remedy="select labels of the pods (PodMonitor) or of the Service (ServiceMonitor)",
)
_ALONE: Final = ("Sidecar", "Telemetry")
"""Kinds of Istio of which a pod may have one only."""
_GATEWAY_LABEL: Final = "gateway.networking.k8s.io/gateway-name"


def check(index: Index) -> Iterator[Finding]:
    """Findings of this module."""
    for service in index.of("Service"):
        selector = mapping(service.spec.get("selector"))
        if selector and not index.select(service.namespace, selector):
            severity = index.pods_absent(SERVICE.severity, service.namespace)
            yield found(SERVICE, service, "spec.selector", _nothing(service, selector), severity=severity)
    for one, path, selector, chosen in _selecting(index):
        if chosen and _GATEWAY_LABEL in selector:
            yield found(GATEWAY_PODS, one, path, f"the pods of Gateway {selector[_GATEWAY_LABEL]} are generated")
        elif not chosen:
            namespace = "" if one.namespace == ROOT_NAMESPACE else one.namespace
            severity = index.pods_absent(POLICY.severity, namespace)
            if _GATEWAY_LABEL in selector and any(index.of("Gateway", GATEWAY_API)):
                yield found(GATEWAY_PODS, one, path, f"the pods of Gateway {selector[_GATEWAY_LABEL]} are generated")
            else:
                yield found(POLICY, one, path, _nothing(one, selector), severity=severity)
    yield from _same_pods(index)
    yield from _network_policies(index)
    yield from _monitors(index)


def _nothing(one: Object, selector: Mapping[str, Any]) -> str:
    shown = ", ".join(f"{key}={value}" for key, value in selector.items())
    return f"no pod of {one.namespace} has {shown or 'such labels'}"


def istio_selector(one: Object) -> tuple[str, dict[str, Any]] | None:
    """Path and labels of an Istio object's selector of pods; None if it selects none in particular."""
    if one.kind in ("Sidecar", "EnvoyFilter"):
        labels = mapping(mapping(one.spec.get("workloadSelector")).get("labels"))
        return ("spec.workloadSelector.labels", labels) if labels else None
    labels = mapping(mapping(one.spec.get("selector")).get("matchLabels"))
    return ("spec.selector.matchLabels", labels) if labels else None


_ISTIO_KINDS: Final = (
    "AuthorizationPolicy",
    "PeerAuthentication",
    "RequestAuthentication",
    "Telemetry",
    "Sidecar",
    "EnvoyFilter",
    "WasmPlugin",
    "ProxyConfig",
)


def _selecting(index: Index) -> Iterator[tuple[Object, str, dict[str, Any], tuple[Workload, ...]]]:
    for kind in _ISTIO_KINDS:
        for one in index.of(kind, ISTIO):
            if (selected := istio_selector(one)) is not None:
                path, labels = selected
                namespace = "" if one.namespace == ROOT_NAMESPACE and kind != "Sidecar" else one.namespace
                yield one, path, labels, index.select(namespace, labels)
    for one in index.of("Server", LINKERD):
        selector = mapping(one.spec.get("podSelector"))
        if selector:
            labels = mapping(selector.get("matchLabels"))
            yield one, "spec.podSelector", labels, index.select_by(one.namespace, selector)
    for one in index.of("PodDisruptionBudget"):
        selector = mapping(one.spec.get("selector"))
        if selector:
            labels = mapping(selector.get("matchLabels"))
            yield one, "spec.selector", labels, index.select_by(one.namespace, selector)


def _same_pods(index: Index) -> Iterator[Finding]:
    for kind in _ALONE:
        whole: dict[str, list[Object]] = defaultdict(list)
        by_pod: dict[int, list[Object]] = defaultdict(list)
        for one in index.of(kind, ISTIO):
            selected = istio_selector(one)
            if one.spec.get("targetRefs") or one.spec.get("targetRef"):
                continue
            if selected is None:
                whole[one.namespace].append(one)
            for pod in index.select(one.namespace, selected[1]) if selected else ():
                by_pod[id(pod)].append(one)
        told: set[int] = set()
        for rivals in (*whole.values(), *by_pod.values()):
            for one in rivals if len(rivals) > 1 else ():
                if id(one) not in told:
                    told.add(id(one))
                    yield found(SAME_PODS, one, "spec", f"{_others(one, rivals)} applies to the same pods")


def _others(one: Object, rivals: list[Object]) -> str:
    return ", ".join(str(other) for other in rivals if other is not one)


def _network_policies(index: Index) -> Iterator[Finding]:
    for one in index.of("NetworkPolicy"):
        selector = mapping(one.spec.get("podSelector"))
        if selector and not index.select_by(one.namespace, selector):
            severity = index.pods_absent(POLICY.severity, one.namespace)
            message = _nothing(one, mapping(selector.get("matchLabels")))
            yield found(POLICY, one, "spec.podSelector", message, severity=severity)
        for direction, field in (("ingress", "from"), ("egress", "to")):
            for place, rule in mappings(one.spec.get(direction)):
                for at, peer in mappings(rule.get(field)):
                    yield from _peer(index, one, f"spec.{direction}[{place}].{field}[{at}]", peer)


def _peer(index: Index, policy: Object, path: str, peer: dict[str, Any]) -> Iterator[Finding]:
    if "ipBlock" in peer:
        return
    namespaces = [policy.namespace]
    if "namespaceSelector" in peer:
        namespaces = namespaces_selected(index, peer["namespaceSelector"])
        if not namespaces:
            yield found(
                PEER, policy, f"{path}.namespaceSelector", "no namespace has such labels", severity=Severity.INFO
            )
            return
    if peer.get("podSelector") and not any(index.select_by(name, peer["podSelector"]) for name in namespaces):
        known = any(index.workloads_in(name) for name in namespaces)
        message = f"no pod of {', '.join(sorted(namespaces)[:3])} has such labels"
        yield found(PEER, policy, f"{path}.podSelector", message, severity=PEER.severity if known else Severity.INFO)


def namespaces_selected(index: Index, selector: object) -> list[str]:
    """Namespaces that a label selector selects; each has the label ``kubernetes.io/metadata.name``."""
    given = mapping(selector)
    wanted = mapping(given.get("matchLabels"))
    name = wanted.get("kubernetes.io/metadata.name")
    names = [str(name)] if name in index.used_namespaces else [] if name else sorted(index.used_namespaces)
    found_names = []
    for one in names:
        known = index.namespaces.get(one)
        labels = {"kubernetes.io/metadata.name": one, **(known.labels if known else {})}
        expressions = [each for _, each in mappings(given.get("matchExpressions"))]
        if all(str(labels.get(key)) == str(value) for key, value in wanted.items()) and all(
            holds(labels, each) for each in expressions
        ):
            found_names.append(one)
    return found_names


def _monitors(index: Index) -> Iterator[Finding]:
    services: dict[str, list[Object]] = defaultdict(list)
    for service in index.of("Service"):
        services[service.namespace].append(service)
    for kind in ("PodMonitor", "ServiceMonitor"):
        for one in index.of(kind, MONITORING):
            among = mapping(one.spec.get("namespaceSelector"))
            namespaces = (
                sorted(index.used_namespaces) if among.get("any") else words(among.get("matchNames")) or [one.namespace]
            )
            selector = mapping(one.spec.get("selector"))
            if kind == "PodMonitor":
                chosen = any(index.select_by(name, selector) for name in namespaces)
            else:
                wanted = mapping(selector.get("matchLabels"))
                expressions = [each for _, each in mappings(selector.get("matchExpressions"))]
                chosen = any(
                    all(str(service.labels.get(key)) == str(value) for key, value in wanted.items())
                    and all(holds(service.labels, each) for each in expressions)
                    for name in namespaces
                    for service in services.get(name, ())
                )
            if not chosen:
                known = any(index.workloads_in(name) for name in namespaces)
                message = f"nothing in {', '.join(namespaces[:3])} has such labels"
                yield found(
                    SCRAPED, one, "spec.selector", message, severity=SCRAPED.severity if known else Severity.INFO
                )
