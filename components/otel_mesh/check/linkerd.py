"""Linkerd: fields of routes that it ignores, and authorization that refers to what does not exist."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otel_mesh.check.authorization import ACCOUNT, account
from otel_mesh.check.findings import Severity, code, found
from otel_mesh.check.objects import GATEWAY_API, LINKERD, mappings, number, text, words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_mesh.check.findings import Finding
    from otel_mesh.check.index import Index
    from otel_mesh.check.objects import Object

FILTER: Final = code(
    "OM501",
    Severity.ERROR,
    "route field that Linkerd ignores",
    why="The API server admits the route (linkerd2#15118); Linkerd drops the field, or the whole route.",
    remedy="remove it; Linkerd has RequestHeaderModifier, ResponseHeaderModifier and RequestRedirect",
)
OVERRIDDEN: Final = code(
    "OM502",
    Severity.WARNING,
    "annotations of the Service that a route replaces",
    why="A route's retry or timeout annotations replace all of the Service's of that family (linkerd2#12888).",
    remedy="repeat on the route what still applies",
)
TARGET: Final = code(
    "OM503",
    Severity.ERROR,
    "authorization of something that does not exist",
    why="The policy has no effect.",
    remedy="name a Server, HTTPRoute or Namespace that exists in targetRef",
)
AUTHENTICATION: Final = code(
    "OM504",
    Severity.ERROR,
    "required authentication that does not exist",
    why="Nobody is authorized; in a debugging session of the proxy, everybody (linkerd2#13166).",
    remedy="name a MeshTLSAuthentication or NetworkAuthentication that exists",
)
BREAKER: Final = code(
    "OM505",
    Severity.WARNING,
    "failure accrual where Linkerd does not read it",
    why="Circuit breaking stays off.",
    remedy="annotate the Service or EgressNetwork",
)
SERVER_PORT: Final = code(
    "OM506",
    Severity.ERROR,
    "Server for a port that the pods do not have",
    why="The Server has no effect: its policies protect nothing.",
    remedy="name a port of the containers",
)
_IGNORED_FILTERS: Final = frozenset({"RequestMirror", "URLRewrite", "ExtensionRef", "CORS"})
_IGNORED_RULES: Final = ("sessionPersistence",)
_FAMILIES: Final = ("retry.linkerd.io/", "timeout.linkerd.io/")
_ACCRUAL: Final = "balancer.linkerd.io/"
_PROXY_PORTS: Final = frozenset({"linkerd-admin", "linkerd-proxy", 4191, 4143})
"""Ports of the proxy, which the injector adds: no manifest of a workload has them."""


def check(index: Index) -> Iterator[Finding]:
    """Findings of this module."""
    for route in index.routes if index.has_linkerd else ():
        if any(parent.get("kind") in ("Service", "EgressNetwork", "Server") for parent in _parents(route)):
            yield from _fields(route)
            yield from _annotations(index, route)
    for policy in index.of("AuthorizationPolicy", LINKERD):
        yield from _authorization(index, policy)
    for one in index.of("MeshTLSAuthentication", LINKERD):
        yield from _identities(index, one)
    for server in index.of("Server", LINKERD):
        yield from _server(index, server)


def _parents(route: Object) -> list[dict[str, Any]]:
    return [one for _, one in mappings(route.spec.get("parentRefs"))]


def _fields(route: Object) -> Iterator[Finding]:
    for place, rule in mappings(route.spec.get("rules")):
        path = f"spec.rules[{place}]"
        for field in _IGNORED_RULES:
            if field in rule:
                yield found(FILTER, route, f"{path}.{field}", f"Linkerd has no '{field}'")
        filters = [(f"{path}.filters[{at}]", one) for at, one in mappings(rule.get("filters"))]
        for at, backend in mappings(rule.get("backendRefs")):
            filters += [
                (f"{path}.backendRefs[{at}].filters[{number_}]", one)
                for number_, one in mappings(backend.get("filters"))
            ]
        for where, one in filters:
            if one.get("type") in _IGNORED_FILTERS:
                yield found(FILTER, route, f"{where}.type", f"Linkerd has no filter '{one['type']}'")


def _annotations(index: Index, route: Object) -> Iterator[Finding]:
    for key in route.annotations:
        if key.startswith(_ACCRUAL):
            yield found(BREAKER, route, f"metadata.annotations[{key}]", f"'{key}' is not read on a {route.kind}")
    for parent in _parents(route):
        service = index.get("Service", text(parent.get("namespace")) or route.namespace, text(parent.get("name")))
        for family in _FAMILIES if service and parent.get("kind") == "Service" else ():
            own = {key for key in route.annotations if key.startswith(family)}
            lost = (
                sorted(key for key in service.annotations if key.startswith(family) and key not in own)
                if service
                else []
            )
            if own and lost:
                message = f"{', '.join(lost)} of {service} does not apply to the route"
                yield found(OVERRIDDEN, route, "metadata.annotations", message)


def _authorization(index: Index, policy: Object) -> Iterator[Finding]:
    target = policy.spec.get("targetRef") or {}
    kind, name = text(target.get("kind")), text(target.get("name"))
    families = {"Server": LINKERD, "EgressNetwork": LINKERD, "Namespace": ""}
    if kind in families:
        namespace = "" if kind == "Namespace" else policy.namespace
        exists = index.get(kind, namespace, name, families[kind]) is not None
        exists = exists or (kind == "Namespace" and name in index.used_namespaces)
    elif kind in ("HTTPRoute", "GRPCRoute"):
        exists = any(index.get(kind, policy.namespace, name, family) for family in (LINKERD, GATEWAY_API))
    else:
        exists = True
    if not exists:
        yield found(TARGET, policy, "spec.targetRef.name", f"{kind} '{name}' does not exist")
    for place, one in mappings(policy.spec.get("requiredAuthenticationRefs")):
        kind, name = text(one.get("kind")), text(one.get("name"))
        namespace = text(one.get("namespace")) or policy.namespace
        path = f"spec.requiredAuthenticationRefs[{place}].name"
        if kind == "ServiceAccount":
            yield from account(index, policy, path, namespace, name)
        elif index.get(kind, namespace, name, LINKERD) is None:
            yield found(AUTHENTICATION, policy, path, f"{kind} {namespace}/{name} does not exist")


def _identities(index: Index, one: Object) -> Iterator[Finding]:
    for place, identity in enumerate(words(one.spec.get("identities"))):
        parts = identity.split(".")
        if "*" not in identity and parts[2:3] == ["serviceaccount"]:
            yield from account(index, one, f"spec.identities[{place}]", parts[1], parts[0])
    for place, reference in mappings(one.spec.get("identityRefs")):
        if reference.get("kind") == "ServiceAccount" and reference.get("name"):
            namespace = text(reference.get("namespace")) or one.namespace
            yield from account(index, one, f"spec.identityRefs[{place}].name", namespace, text(reference["name"]))


def _server(index: Index, server: Object) -> Iterator[Finding]:
    wanted = server.spec.get("port")
    if wanted in _PROXY_PORTS:
        return
    for pod in filter(index.injects, index.select_by(server.namespace, server.spec.get("podSelector"))):
        port = number(wanted)
        known = port in pod.port_numbers if port is not None else pod.port_named(text(wanted)) is not None
        if not known and pod.port_numbers:
            yield found(SERVER_PORT, server, "spec.port", f"{pod} has no port '{wanted}'")
            return


__all__ = ["ACCOUNT", "check"]
