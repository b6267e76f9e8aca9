"""How the mesh treats connections in one version: mutual TLS, routes, faults, retries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from otel_mesh.check.objects import ISTIO
from otel_mesh.core.labels import Annotation
from otel_mesh.core.network import CLUSTER_DOMAIN
from otel_mesh_cli.review import matches
from otel_mesh_cli.review.gateway_routes import virtual_services

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from otel_mesh.check.index import Index

STRENGTH: Final = {"DISABLE": 0, "PERMISSIVE": 1, "UNSET": 2, "STRICT": 3}
"""Modes of a PeerAuthentication, weakest first; UNSET inherits."""
_SECURE: Final = ("ISTIO_MUTUAL", "MUTUAL")


@dataclass(frozen=True)
class Route:
    """One rule of a VirtualService, an HTTPRoute or a GRPCRoute.

    Attributes:
        owner: VirtualService, or the Service or Gateway that the route is attached to, ``namespace/name``.
        hosts: Hosts that it routes.
        gateways: Gateways that it is for; empty for calls inside the mesh.
        match: Requests that it is for, in words; empty for all others.
        requests: The same without conditions of requests that may be repeated.
        paths: Paths of these requests, exact or ending in ``*``.
        conditions: Other conditions of these requests, in words.
        destinations: Where they go, each with its share in percent.
        fault: Injected fault; empty without one.
        ends: Day on which the fault was to end; empty if none is written down.
        attempts: Number of retries.
        timeout: Timeout; empty without one.
    """

    owner: str
    hosts: tuple[str, ...]
    gateways: tuple[str, ...]
    match: str
    requests: str
    paths: tuple[str, ...]
    conditions: frozenset[str]
    destinations: tuple[tuple[str, float], ...]
    fault: str
    ends: str
    attempts: int
    timeout: str

    @property
    def where(self) -> str:
        """``90 % a.shop v1, 10 % a.shop v2``, or the sole destination."""
        if len(self.destinations) == 1:
            return self.destinations[0][0]
        return ", ".join(f"{share:g} % {name}" for name, share in self.destinations)

    @property
    def is_default(self) -> bool:
        """Whether requests go where the mesh sends them without a rule: to the pods of the called Service."""
        return not self.gateways and self.destinations == tuple((_short(host), 100) for host in self.hosts)


def mtls(manifests: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Modes of mutual TLS by scope, of PeerAuthentications and DestinationRules."""
    found: dict[str, str] = {}
    for one in manifests:
        spec, namespace = one.get("spec") or {}, one["metadata"].get("namespace", "")
        if one["kind"] == "PeerAuthentication":
            labels = (spec.get("selector") or {}).get("matchLabels") or {}
            scope = " ".join(f"{name}={value}" for name, value in sorted(labels.items()))
            scope = f"{namespace} {scope}".strip()
            found[scope] = str((spec.get("mtls") or {}).get("mode", "UNSET"))
            for port, own in (spec.get("portLevelMtls") or {}).items():
                found[f"{scope} port {port}"] = str(own.get("mode", "UNSET"))
        elif one["kind"] == "DestinationRule":
            mode = ((spec.get("trafficPolicy") or {}).get("tls") or {}).get("mode")
            if mode is not None:
                found[f"calls to {spec.get('host')}"] = "STRICT" if mode in _SECURE else "DISABLE"
    return found


def routes(index: Index) -> tuple[Route, ...]:
    """All HTTP rules of VirtualServices, HTTPRoutes and GRPCRoutes, in the order in which they apply.

    Args:
        index: Objects of the version.
    """
    services = (one.manifest for one in index.of("VirtualService", ISTIO))
    return tuple(route for one in (*services, *virtual_services(index)) for route in _routes(one))


def _routes(service: Mapping[str, Any]) -> Iterator[Route]:
    spec, metadata = service.get("spec") or {}, service["metadata"]
    gateways = [str(one) for one in spec.get("gateways") or ()]
    for rule in spec.get("http") or ():
        alternatives = rule.get("match") or ()
        chosen = matches.without_repeatable(alternatives)
        yield Route(
            owner=f"{metadata.get('namespace', '')}/{metadata['name']}",
            hosts=tuple(spec.get("hosts") or ()),
            gateways=() if "mesh" in gateways else tuple(gateways),
            match=matches.words(alternatives),
            requests=matches.words(chosen),
            paths=matches.paths(chosen),
            conditions=matches.conditions(chosen),
            destinations=tuple(_destinations(rule)),
            fault=_fault(rule.get("fault") or {}),
            ends=str((metadata.get("annotations") or {}).get(Annotation.FAULT_EXPIRES, "")),
            attempts=int((rule.get("retries") or {}).get("attempts", 0)),
            timeout=str(rule.get("timeout", "")),
        )


def _destinations(rule: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Where a rule sends requests; a rule that answers by itself or leaves that to another has one destination."""
    for one in rule.get("route") or ():
        host = _short(str(one["destination"]["host"]))
        subset = one["destination"].get("subset")
        yield f"{host} {subset}" if subset else host, float(one.get("weight", 100))
    if delegate := rule.get("delegate"):
        yield f"the rules of {delegate.get('namespace', '')}/{delegate.get('name')}", 100
    if redirect := rule.get("redirect"):
        yield f"a redirect to {redirect.get('authority', '')}{redirect.get('uri', '')}", 100
    if answer := rule.get("directResponse"):
        yield f"the answer {answer.get('status')}", 100


def _short(host: str) -> str:
    return host.removesuffix(f".svc.{CLUSTER_DOMAIN}")


def _fault(value: Mapping[str, Any]) -> str:
    parts = []
    for name, what in (("delay", "fixedDelay"), ("abort", "httpStatus")):
        if one := value.get(name):
            share = (one.get("percentage") or {}).get("value", 100)
            parts.append(f"{name} {one.get(what, one.get('grpcStatus'))} for {share:g} %")
    return ", ".join(parts)
