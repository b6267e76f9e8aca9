"""The mesh itself: definitions that are too old, and Envoy filters and Telemetry objects without effect."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from otel_mesh.check.findings import Severity, code, found
from otel_mesh.check.objects import GATEWAY_API, ISTIO, items, mapping, mappings, number, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_mesh.check.findings import Finding
    from otel_mesh.check.index import Index
    from otel_mesh.check.objects import Object

OLD: Final = code(
    "OM810",
    Severity.WARNING,
    "definition older than the mesh wants",
    why="The mesh ignores all objects of the kind, silently.",
    remedy="install the Gateway API release that the mesh is made for",
    istioctl=("IST0176",),
)
RELATIVE: Final = code(
    "OM811",
    Severity.WARNING,
    "EnvoyFilter whose place depends on others",
    why="It is inserted relative to a filter that another EnvoyFilter may add later: then it is not applied.",
    remedy="set spec.priority, or use INSERT_FIRST or ADD",
    istioctl=("IST0151", "IST0155"),
)
OPERATION: Final = code(
    "OM812",
    Severity.ERROR,
    "EnvoyFilter operation that is ignored",
    why="Istio ignores the operation for such configuration.",
    remedy="use MERGE for routes; REPLACE for HTTP_FILTER, NETWORK_FILTER and VIRTUAL_HOST only",
    istioctl=("IST0152", "IST0153", "IST0154"),
)
PROVIDER: Final = code(
    "OM813",
    Severity.WARNING,
    "Telemetry that names no provider",
    why="Istio ignores the object.",
    remedy="name a provider of the mesh's configuration",
    istioctl=("IST0157",),
)
STATUS: Final = code(
    "OM814",
    Severity.WARNING,
    "object that its controller does not accept",
    why="Its status says that it is not in effect.",
    remedy="correct what the condition's message says",
    istioctl=("IST0171",),
)
_MINIMUM: Final = {
    "grpcroutes.gateway.networking.k8s.io": (1, 1, 0),
    "backendtlspolicies.gateway.networking.k8s.io": (1, 4, 0),
    "tlsroutes.gateway.networking.k8s.io": (1, 5, 0),
    "tcproutes.gateway.networking.k8s.io": (1, 6, 0),
}
"""Oldest releases of the Gateway API whose kinds Istio 1.31 watches (pkg/config/schema/gatewayapi)."""
_BUNDLE: Final = "gateway.networking.k8s.io/bundle-version"
_VERSION: Final = re.compile(r"v?(\d+)\.(\d+)\.(\d+)")
_ROUTES: Final = frozenset({"ROUTE_CONFIGURATION", "HTTP_ROUTE"})
_REPLACED: Final = frozenset({"NETWORK_FILTER", "HTTP_FILTER", "VIRTUAL_HOST"})
_RELATIVE: Final = frozenset({"INSERT_BEFORE", "INSERT_AFTER"})


def check(index: Index) -> Iterator[Finding]:
    """Findings of this module."""
    for one in index.of("CustomResourceDefinition"):
        yield from _definition(one)
    for one in index.of("EnvoyFilter", ISTIO):
        yield from _filter(one)
    for one in index.of("Telemetry", ISTIO):
        yield from _telemetry(one)
    for one in index.objects:
        if one.kind in ("Service", "Gateway", "HTTPRoute", "GRPCRoute") or one.family in (ISTIO, GATEWAY_API):
            yield from _status(one)


def _definition(one: Object) -> Iterator[Finding]:
    minimum = _MINIMUM.get(one.name)
    version = _VERSION.match(text(one.annotations.get(_BUNDLE)))
    if minimum and version and tuple(map(int, version.groups())) < minimum:
        wanted = ".".join(map(str, minimum))
        message = f"Gateway API {version[0]}; Istio 1.31 wants {wanted} or later"
        yield found(OLD, one, f"metadata.annotations[{_BUNDLE}]", message)


def _filter(one: Object) -> Iterator[Finding]:
    for place, patch in mappings(one.spec.get("configPatches")):
        change = mapping(patch.get("patch"))
        operation, to = text(change.get("operation")), text(patch.get("applyTo"))
        path = f"spec.configPatches[{place}].patch.operation"
        ignored = (operation in ("ADD", "REMOVE") and to in _ROUTES) or (operation == "REPLACE" and to not in _REPLACED)
        if ignored:
            yield found(OPERATION, one, path, f"{operation} is ignored for {to}")
        elif operation in _RELATIVE | {"REMOVE", "REPLACE"} and not number(one.spec.get("priority")):
            yield found(RELATIVE, one, path, f"{operation} without a priority")


def _telemetry(one: Object) -> Iterator[Finding]:
    for place, tracing in mappings(one.spec.get("tracing")):
        names = [mapping(each).get("name") for each in items(tracing.get("providers"))]
        if "providers" in tracing and not any(names):
            yield found(PROVIDER, one, f"spec.tracing[{place}].providers", "the provider has no name")


def _status(one: Object) -> Iterator[Finding]:
    status = mapping(one.manifest.get("status"))
    conditions: list[tuple[str, dict[str, Any]]] = [
        (f"status.conditions[{place}]", each) for place, each in mappings(status.get("conditions"))
    ]
    for kind in ("parents", "ancestors"):
        for place, parent in mappings(status.get(kind)):
            conditions += [
                (f"status.{kind}[{place}].conditions[{at}]", each) for at, each in mappings(parent.get("conditions"))
            ]
    for path, condition in conditions:
        if condition.get("status") == "False" or condition.get("reason") == "PartiallyInvalid":
            said = text(condition.get("message")) or text(condition.get("reason"))
            message = f"{text(condition.get('type'))} is {text(condition.get('status'))}: {said}"
            yield found(STATUS, one, path, message)
            return
