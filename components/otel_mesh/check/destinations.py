"""Destinations of VirtualServices and DestinationRules: hosts, ports, subsets and weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from otel_mesh.check.findings import Severity, code, found
from otel_mesh.check.hosts import Hosts, namespace_of, port_numbers, qualified
from otel_mesh.check.objects import ISTIO, mapping, mappings, number, text, words
from otel_mesh.core.errors import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_mesh.check.findings import Finding
    from otel_mesh.check.index import Index
    from otel_mesh.check.objects import Object

HOST: Final = code(
    "OM101",
    Severity.ERROR,
    "destination does not exist",
    why="The proxy answers 503 to every request of the route.",
    remedy="name a Service of the cluster or add a ServiceEntry",
    istioctl=("IST0101",),
)
SUBSET: Final = code(
    "OM102",
    Severity.ERROR,
    "subset is not defined",
    why="The proxy answers 503 to every request of the route.",
    remedy="define the subset in the host's DestinationRule",
    istioctl=("IST0101",),
)
EMPTY_SUBSET: Final = code(
    "OM103",
    Severity.ERROR,
    "subset selects no pods",
    why="The proxy answers 503 (no healthy upstream) to every request of the subset.",
    remedy="select labels that the pods behind the Service have",
    istioctl=("IST0173",),
)
RULE_HOST: Final = code(
    "OM104",
    Severity.WARNING,
    "DestinationRule for a host that does not exist",
    why="The rule has no effect: no connection limits, outlier detection or TLS settings.",
    remedy="name a Service of the cluster or add a ServiceEntry",
    istioctl=("IST0174",),
)
PORT: Final = code(
    "OM105",
    Severity.ERROR,
    "destination has no such port",
    why="The proxy answers 503 to every request of the route.",
    remedy="name a port of the Service",
    istioctl=("IST0101",),
)
NO_PORT: Final = code(
    "OM106",
    Severity.ERROR,
    "destination without a port on a Service with several",
    why="The proxy cannot tell the ports apart and answers 503.",
    remedy="set destination.port.number",
    istioctl=("IST0112",),
)
WEIGHTS: Final = code(
    "OM107",
    Severity.WARNING,
    "weights do not sum to 100",
    why="Weights are shares of their sum, not percentages: the canary gets another share than a reader expects.",
    remedy="make the weights of the rule sum to 100",
)
NO_WEIGHT: Final = code(
    "OM108",
    Severity.ERROR,
    "all weights are 0",
    why="The rule has no destination: its requests are answered with 500 or 503.",
    remedy="give at least one destination a weight",
)
_ALL_PERCENT: Final = 100


@dataclass(frozen=True, slots=True)
class Destination:
    """A destination of a VirtualService."""

    path: str
    fields: dict[str, Any]

    @property
    def host(self) -> str:
        """Host as written."""
        return text(self.fields.get("host"))

    @property
    def subset(self) -> str:
        """Name of the subset; empty for none."""
        return text(self.fields.get("subset"))


def destinations(service: Object) -> Iterator[Destination]:
    """The destinations of a VirtualService, mirrors included."""
    for kind in ("http", "tcp", "tls"):
        for place, rule in mappings(service.spec.get(kind)):
            base = f"spec.{kind}[{place}]"
            for at, route in mappings(rule.get("route")):
                yield Destination(f"{base}.route[{at}].destination", mapping(route.get("destination")))
            if "mirror" in rule:
                yield Destination(f"{base}.mirror", mapping(rule["mirror"]))
            for at, mirror in mappings(rule.get("mirrors")):
                yield Destination(f"{base}.mirrors[{at}].destination", mapping(mirror.get("destination")))


def check(index: Index) -> Iterator[Finding]:
    """Findings of this module."""
    hosts = Hosts(index)
    subsets = _subsets(index)
    for service in index.of("VirtualService", ISTIO):
        for one in destinations(service):
            yield from _destination(index, hosts, subsets, service, one)
        for kind in ("http", "tcp", "tls"):
            for place, rule in mappings(service.spec.get(kind)):
                yield from weights(service, f"spec.{kind}[{place}].route", rule.get("route"))
    for one_rule in index.of("DestinationRule", ISTIO):
        yield from _rule(index, hosts, one_rule)


def _destination(
    index: Index, hosts: Hosts, subsets: dict[str, set[str]], service: Object, one: Destination
) -> Iterator[Finding]:
    if not one.host:
        return
    target = hosts.find(one.host, service.namespace)
    if target is None or not _visible(target, service.namespace):
        namespace = namespace_of(qualified(one.host, service.namespace))
        severity = index.absence(HOST.severity, "Service", namespace) if namespace else HOST.severity
        message = f"host '{one.host}' is no Service or ServiceEntry that {service.namespace} sees"
        remedy = nearest(one.host.partition(".")[0], hosts.near(one.host, service.namespace)) if namespace else ""
        yield found(HOST, service, f"{one.path}.host", message, remedy=_hint(remedy), severity=severity)
        return
    known = port_numbers(target)
    port = number(mapping(one.fields.get("port")).get("number"))
    if port is None and len(known) > 1:
        listed = ", ".join(map(str, sorted(known)))
        yield found(NO_PORT, service, one.path, f"'{one.host}' has the ports {listed}, and none is named")
    if port is not None and port not in known:
        listed = ", ".join(map(str, sorted(known))) or "none"
        yield found(PORT, service, f"{one.path}.port.number", f"{target} has no port {port} (its ports: {listed})")
    if one.subset:
        defined = subsets.get(qualified(one.host, service.namespace), set())
        if one.subset not in defined:
            message = f"no DestinationRule of '{one.host}' defines the subset '{one.subset}'"
            remedy = nearest(one.subset, defined) if defined else ""
            yield found(SUBSET, service, f"{one.path}.subset", message, remedy=_hint(remedy))


def _hint(remedy: str) -> str:
    return remedy if remedy.startswith("did you mean") else ""


def _visible(target: Object, namespace: str) -> bool:
    exported = words(target.spec.get("exportTo"))
    if target.family != ISTIO or not exported or "*" in exported:
        return True
    return namespace in exported or ("." in exported and target.namespace == namespace)


def _subsets(index: Index) -> dict[str, set[str]]:
    defined: dict[str, set[str]] = {}
    for rule in index.of("DestinationRule", ISTIO):
        names = {text(one.get("name")) for _, one in mappings(rule.spec.get("subsets"))}
        defined.setdefault(qualified(text(rule.spec.get("host")), rule.namespace), set()).update(names)
    return defined


def _rule(index: Index, hosts: Hosts, rule: Object) -> Iterator[Finding]:
    host = text(rule.spec.get("host"))
    if not host or "*" in host:
        return
    target = hosts.find(host, rule.namespace)
    if target is None:
        namespace = namespace_of(qualified(host, rule.namespace))
        severity = index.absence(RULE_HOST.severity, "Service", namespace) if namespace else RULE_HOST.severity
        remedy = nearest(host.partition(".")[0], hosts.near(host, rule.namespace)) if namespace else ""
        message = f"host '{host}' is no Service or ServiceEntry"
        yield found(RULE_HOST, rule, "spec.host", message, remedy=_hint(remedy), severity=severity)
        return
    if target.kind != "Service" or not target.spec.get("selector"):
        return
    pods = hosts.workloads(target)
    for place, subset in mappings(rule.spec.get("subsets")):
        labels = {key: str(value) for key, value in mapping(subset.get("labels")).items() if "topology" not in key}
        if any(all(str(pod.labels.get(key)) == value for key, value in labels.items()) for pod in pods):
            continue
        shown = ", ".join(f"{key}={value}" for key, value in labels.items())
        message = f"subset '{text(subset.get('name'))}' selects no pod of {target} (labels {shown or 'none'})"
        severity = index.pods_absent(EMPTY_SUBSET.severity, target.namespace)
        yield found(EMPTY_SUBSET, rule, f"spec.subsets[{place}].labels", message, severity=severity)


def weights(where: Object, path: str, routes: object) -> Iterator[Finding]:
    """Findings of the weights of one rule.

    Args:
        where: Object with the rule.
        path: Path of the weighted destinations.
        routes: Destinations of the rule.
    """
    given = [number(one["weight"]) or 0 for _, one in mappings(routes) if "weight" in one]
    if not given:
        return
    if sum(given) == 0 and len(given) == len(mappings(routes)):
        yield found(NO_WEIGHT, where, path, "no destination has a weight above 0")
    elif len(mappings(routes)) > 1 and sum(given) != _ALL_PERCENT:
        yield found(WEIGHTS, where, path, f"the weights {', '.join(map(str, given))} sum to {sum(given)}")
