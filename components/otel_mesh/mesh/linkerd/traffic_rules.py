"""One rule of a traffic policy as a rule of an HTTPRoute or GRPCRoute."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_mesh.mesh.linkerd.error_backend import ERROR_PORT, error_service
from otel_mesh.mesh.linkerd.objects import ANY_PATH
from otel_mesh.mesh.policies.matching import FAULT_INJECTED, IDEMPOTENCY_HEADER, MARKERS
from otel_mesh.mesh.policies.traffic import subset_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from otel_mesh.catalog.routes import Method
    from otel_mesh.mesh.gateway_api.route_types import (
        Backend,
        Filter,
        GrpcRule,
        HeaderChanges,
        HeaderMatch,
        HttpMatch,
        HttpRule,
    )
    from otel_mesh.mesh.policies.rules import Rule
    from otel_mesh.mesh.policies.traffic import Target

_WHOLE: Final = 100
_FINE: Final = 100
"""Parts of a percent that weights can express."""
_SAFE_METHODS: Final[tuple[Method, ...]] = ("GET", "HEAD")


def http_rule(rule: Rule, target: Target) -> HttpRule:
    """A rule of an HTTPRoute.

    Args:
        rule: The rule.
        target: The service.
    """
    made: HttpRule = {"matches": list(_conditions(rule))}
    if filters := _filters(rule):
        made["filters"] = filters
    made["backendRefs"] = _backends(rule, target)
    return made


def grpc_rule(rule: Rule, target: Target) -> GrpcRule:
    """A rule of a GRPCRoute.

    Args:
        rule: The rule.
        target: The service.
    """
    made: GrpcRule = {}
    if headers := _exact_headers(rule):
        made["matches"] = [{"headers": headers}]
    if filters := _filters(rule):
        made["filters"] = filters
    made["backendRefs"] = _backends(rule, target)
    return made


def _filters(rule: Rule) -> list[Filter]:
    marked = {name for marks in rule.marks.values() for name in marks}
    removed = [name for name in MARKERS if name not in marked and not (rule.fault and name == FAULT_INJECTED)]
    return _headers({FAULT_INJECTED: "true"} if rule.fault is not None else {}, removed)


def _exact_headers(rule: Rule) -> list[HeaderMatch]:
    return [{"type": "Exact", "name": name, "value": value} for name, value in sorted(rule.headers.items())]


def _conditions(rule: Rule) -> Iterator[HttpMatch]:
    headers = _exact_headers(rule)
    own: HttpMatch = {"path": ANY_PATH}
    if headers:
        own["headers"] = headers
    if not rule.safe:
        yield own
        return
    for method in _SAFE_METHODS:
        yield {**own, "method": method}
    if IDEMPOTENCY_HEADER not in rule.headers:  # a rule for one value of a header keeps its value
        repeatable: HeaderMatch = {"type": "RegularExpression", "name": IDEMPOTENCY_HEADER, "value": ".+"}
        yield {**own, "headers": [*headers, repeatable]}
    else:
        yield own


def _backends(rule: Rule, target: Target) -> list[Backend]:
    abort = rule.fault.abort if rule.fault is not None else None
    if abort is None:
        return [_backend(name, weight, rule, target) for name, weight in rule.destinations]
    failing = round(abort.percentage * _FINE)
    passing = _WHOLE * _FINE - failing
    whole = sum(weight for _, weight in rule.destinations)
    parts = (whole * failing, *(weight * passing for _, weight in rule.destinations))
    # as few digits as the percentages need: the weights sum up to 100, 1000...
    unit = next(unit for unit in (10_000, 1000, 100, 10, 1) if not any(part % unit for part in parts))
    kept = [_backend(name, weight * passing // unit, rule, target) for name, weight in rule.destinations]
    errors: Backend = {
        "group": "",
        "kind": "Service",
        "name": error_service(target),
        "port": ERROR_PORT,
        "weight": whole * failing // unit,
    }
    return [*(kept if passing else ()), errors]


def _backend(name: str, weight: int, rule: Rule, target: Target) -> Backend:
    version = name.partition("\n")[0]
    service = f"{target.service}-{subset_name(version)}" if version else target.service
    made: Backend = {"group": "", "kind": "Service", "name": service, "port": target.port, "weight": weight}
    if filters := _headers(rule.marks.get(name, {}), []):
        made["filters"] = filters
    return made


def _headers(wanted: Mapping[str, str], removed: list[str]) -> list[Filter]:
    changes: HeaderChanges = {}
    if wanted:
        changes["set"] = [{"name": name, "value": value} for name, value in wanted.items()]
    if removed:
        changes["remove"] = removed
    return [{"type": "RequestHeaderModifier", "requestHeaderModifier": changes}] if changes else []
