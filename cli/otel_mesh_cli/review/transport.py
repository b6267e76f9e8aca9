"""How the mesh treats connections in one version: mutual TLS, routes, faults, retries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from otel_mesh.core.network import CLUSTER_DOMAIN

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

STRENGTH: Final = {"DISABLE": 0, "PERMISSIVE": 1, "UNSET": 2, "STRICT": 3}
"""Modes of a PeerAuthentication, weakest first; UNSET inherits."""
_SECURE: Final = ("ISTIO_MUTUAL", "MUTUAL")


@dataclass(frozen=True)
class Route:
    """One rule of a VirtualService.

    Attributes:
        owner: VirtualService, ``namespace/name``.
        hosts: Hosts that it routes.
        match: Requests that it is for; empty for all others.
        destinations: Where they go, each with its share in percent.
        fault: Injected fault; empty without one.
        attempts: Number of retries.
        timeout: Timeout; empty without one.
    """

    owner: str
    hosts: tuple[str, ...]
    match: str
    destinations: tuple[tuple[str, int], ...]
    fault: str
    attempts: int
    timeout: str

    @property
    def where(self) -> str:
        """``90 % v1, 10 % v2``, or the sole destination."""
        if len(self.destinations) == 1:
            return self.destinations[0][0]
        return ", ".join(f"{share} % {name}" for name, share in self.destinations)


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


def routes(manifests: Iterable[Mapping[str, Any]]) -> tuple[Route, ...]:
    """All HTTP rules of VirtualServices, in order."""
    return tuple(route for one in manifests if one["kind"] == "VirtualService" for route in _routes(one))


def _routes(service: Mapping[str, Any]) -> Iterator[Route]:
    spec = service.get("spec") or {}
    for rule in spec.get("http") or ():
        given = rule.get("route") or ()
        yield Route(
            owner=f"{service['metadata'].get('namespace', '')}/{service['metadata']['name']}",
            hosts=tuple(spec.get("hosts") or ()),
            match=" or ".join(filter(None, map(_match, rule.get("match") or ()))),
            destinations=tuple((_destination(one["destination"]), int(one.get("weight", 100))) for one in given),
            fault=_fault(rule.get("fault") or {}),
            attempts=int((rule.get("retries") or {}).get("attempts", 0)),
            timeout=str(rule.get("timeout", "")),
        )


def _destination(value: Mapping[str, Any]) -> str:
    host = str(value["host"]).removesuffix(f".svc.{CLUSTER_DOMAIN}")
    return f"{host} {value['subset']}" if value.get("subset") else host


def _match(value: Mapping[str, Any]) -> str:
    parts = [_text(name, value[name]) for name in ("method", "uri", "authority") if name in value]
    parts += [_text(name, one) for name, one in sorted((value.get("headers") or {}).items())]
    return " ".join(part for part in parts if part != "uri prefix /")


def _text(name: str, how: Mapping[str, Any]) -> str:
    return f"{name} " + " ".join(f"{kind} {text}" for kind, text in how.items()) if how else name


def _fault(value: Mapping[str, Any]) -> str:
    parts = []
    for name, what in (("delay", "fixedDelay"), ("abort", "httpStatus")):
        if one := value.get(name):
            share = (one.get("percentage") or {}).get("value", 100)
            parts.append(f"{name} {one.get(what, one.get('grpcStatus'))} for {share:g} %")
    return ", ".join(parts)
