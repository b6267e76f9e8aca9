"""Routes of the Gateway API, for Istio and Linkerd: parents, backends, weights and rules that are never used."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from otel_mesh.check.backends import backends
from otel_mesh.check.destinations import HOST, NO_WEIGHT, PORT, WEIGHTS
from otel_mesh.check.findings import Severity, code, found
from otel_mesh.check.hosts import DOMAIN, qualified
from otel_mesh.check.objects import GATEWAY_API, ISTIO, mappings, number, text, words
from otel_mesh.core.errors import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_mesh.check.backends import Backend
    from otel_mesh.check.findings import Finding
    from otel_mesh.check.index import Index
    from otel_mesh.check.objects import Object

PARENT: Final = code(
    "OM120",
    Severity.ERROR,
    "route without an existing parent",
    why="No proxy serves the route.",
    remedy="name a Gateway or Service that exists in parentRefs",
)
SAME_MATCH: Final = code(
    "OM121",
    Severity.WARNING,
    "rule that another route of the parent shadows",
    why="Of equal matches the oldest route's applies; the other is never used.",
    remedy="merge the routes, or give the rules different matches",
)
TWO_APIS: Final = code(
    "OM122",
    Severity.WARNING,
    "host with a route and a VirtualService",
    why="Which of the two applies is not defined.",
    remedy="keep one of them",
)
NO_GRANT: Final = code(
    "OM123",
    Severity.ERROR,
    "backend in another namespace without a ReferenceGrant",
    why="The reference is refused: the route's requests are answered with 500.",
    remedy="add a ReferenceGrant in the backend's namespace",
)


def check(index: Index) -> Iterator[Finding]:
    """Findings of this module."""
    granted = _grants(index)
    for route in index.routes:
        yield from _parents(index, route)
        for place, rule in mappings(route.spec.get("rules")):
            yield from _weights(route, f"spec.rules[{place}].backendRefs", rule.get("backendRefs"))
            for backend in backends(index, route, rule):
                yield from _backend(index, route, f"spec.rules[{place}].{backend.path}", backend, granted)
    yield from _shadowed(index)
    yield from _two_apis(index)


def _parents(index: Index, route: Object) -> Iterator[Finding]:
    for place, parent in mappings(route.spec.get("parentRefs")):
        namespace = text(parent.get("namespace")) or route.namespace
        kind = text(parent.get("kind")) or "Gateway"
        if kind not in ("Gateway", "Service"):
            continue
        family = GATEWAY_API if kind == "Gateway" else ""
        target = index.get(kind, namespace, text(parent.get("name")), family)
        path = f"spec.parentRefs[{place}]"
        if target is None:
            message = f"{kind} {namespace}/{text(parent.get('name'))} does not exist"
            known = [one.name for one in index.of(kind, family) if one.namespace == namespace]
            hint = nearest(text(parent.get("name")), known)
            remedy = hint if hint.startswith("did") else ""
            severity = index.absence(PARENT.severity, kind, namespace, family)
            yield found(PARENT, route, f"{path}.name", message, remedy=remedy, severity=severity)
        elif kind == "Service" and "port" in parent:
            ports = {number(one.get("port")) for _, one in mappings(target.spec.get("ports"))}
            if number(parent["port"]) not in ports:
                yield found(PARENT, route, f"{path}.port", f"{target} has no port {parent['port']}")
        elif kind == "Gateway" and parent.get("sectionName"):
            names = {text(one.get("name")) for _, one in mappings(target.spec.get("listeners"))}
            if parent["sectionName"] not in names:
                message = f"{target} has no listener '{parent['sectionName']}'"
                yield found(PARENT, route, f"{path}.sectionName", message)


def _backend(
    index: Index, route: Object, path: str, backend: Backend, granted: set[tuple[str, str, str]]
) -> Iterator[Finding]:
    if backend.kind != "Service":
        return
    namespace, service = backend.namespace, backend.service
    if service is None:
        severity = index.absence(HOST.severity, "Service", namespace)
        known = [one.name for one in index.of("Service") if one.namespace == namespace]
        hint = nearest(backend.name, known)
        remedy = hint if hint.startswith("did") else "name a Service of the cluster"
        message = f"Service {namespace}/{backend.name} does not exist"
        yield found(HOST, route, f"{path}.name", message, remedy=remedy, severity=severity)
        return
    ports = {number(one.get("port")) for _, one in mappings(service.spec.get("ports"))}
    if backend.port is None or number(backend.port) not in ports:
        listed = ", ".join(str(one) for one in sorted(one for one in ports if one is not None)) or "none"
        message = "no port is named" if backend.port is None else f"{service} has no port {backend.port}"
        yield found(PORT, route, f"{path}.port", f"{message} (its ports: {listed})")
    if namespace != route.namespace and (namespace, route.namespace, route.kind) not in granted:
        yield found(NO_GRANT, route, f"{path}.namespace", f"{namespace} grants {route} no reference to {service}")


def _grants(index: Index) -> set[tuple[str, str, str]]:
    return {
        (grant.namespace, text(one.get("namespace")), text(one.get("kind")))
        for grant in index.of("ReferenceGrant", GATEWAY_API)
        for _, one in mappings(grant.spec.get("from"))
        if any(text(to.get("kind")) == "Service" for _, to in mappings(grant.spec.get("to")))
    }


_WHOLES: Final = (100, 1000, 10_000, 100_000, 1_000_000)
"""Sums of weights that are percentages, with up to four decimals; the API's own limit is 1,000,000."""


def _weights(route: Object, path: str, backends: object) -> Iterator[Finding]:
    given = [number(one["weight"]) or 0 for _, one in mappings(backends) if "weight" in one]
    if not given or len(given) != len(mappings(backends)):
        return
    if sum(given) == 0:
        yield found(NO_WEIGHT, route, path, "no backend has a weight above 0")
    elif len(given) > 1 and sum(given) not in _WHOLES:
        message = f"the weights {', '.join(map(str, given))} sum to {sum(given)}"
        yield found(WEIGHTS, route, path, message)


def _shadowed(index: Index) -> Iterator[Finding]:
    used: dict[tuple[str, ...], Object] = {}
    for route in index.routes:
        own: set[tuple[str, ...]] = set()
        for place, rule in mappings(route.spec.get("rules")):
            for at, match in enumerate([one for _, one in mappings(rule.get("matches"))] or [{}]):
                path = f"spec.rules[{place}]" + (f".matches[{at}]" if rule.get("matches") else "")
                for key in _keys(route, match):
                    if key in own:
                        yield found(SAME_MATCH, route, path, "an earlier rule of the route has the same match")
                        break
                    if key in used:
                        yield found(SAME_MATCH, route, path, f"{used[key]} has a rule with the same match")
                        break
                    own.add(key)
        used |= dict.fromkeys(own, route)


def _keys(route: Object, match: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    content = {"path": {"type": "PathPrefix", "value": "/"}, **match} if route.kind == "HTTPRoute" else match
    as_text = json.dumps(content, sort_keys=True, default=str)
    for host in words(route.spec.get("hostnames")) or ["*"]:
        for _, parent in mappings(route.spec.get("parentRefs")):
            namespace = text(parent.get("namespace")) or route.namespace
            section = f"{parent.get('sectionName', '')}:{parent.get('port', '')}"
            yield text(parent.get("kind")) or "Gateway", namespace, text(parent.get("name")), section, host, as_text


def _two_apis(index: Index) -> Iterator[Finding]:
    services: dict[str, list[Object]] = defaultdict(list)
    for one in index.of("VirtualService", ISTIO):
        for host in words(one.spec.get("hosts")):
            services[qualified(host, one.namespace)].append(one)
    for route in index.routes if services else ():
        for place, parent in mappings(route.spec.get("parentRefs")):
            if parent.get("kind") != "Service":
                continue
            namespace = text(parent.get("namespace")) or route.namespace
            for other in services.get(f"{text(parent.get('name'))}.{namespace}.svc.{DOMAIN}", ()):
                yield found(TWO_APIS, route, f"spec.parentRefs[{place}]", f"{other} has routes of the same host")
