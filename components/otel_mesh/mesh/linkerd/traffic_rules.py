"""One rule of a traffic policy as a rule of an HTTPRoute or GRPCRoute."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otel_mesh.mesh.linkerd.error_backend import ERROR_PORT, error_service
from otel_mesh.mesh.policies.matching import FAULT_INJECTED, IDEMPOTENCY_HEADER, MARKERS
from otel_mesh.mesh.policies.traffic import subset_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from otel_mesh.mesh.policies.rules import Rule
    from otel_mesh.mesh.policies.traffic import Target

_WHOLE: Final = 100
_FINE: Final = 100
"""Parts of a percent that weights can express."""
_ANY_PATH: Final = {"path": {"type": "PathPrefix", "value": "/"}}


def rendered(rule: Rule, target: Target) -> dict[str, Any]:
    """A rule of a route.

    Args:
        rule: The rule.
        target: The service.
    """
    made: dict[str, Any] = {}
    if conditions := list(_conditions(rule, target)):
        made["matches"] = conditions
    marked = {name for marks in rule.marks.values() for name in marks}
    removed = [name for name in MARKERS if name not in marked and not (rule.fault and name == FAULT_INJECTED)]
    if filters := _headers({FAULT_INJECTED: "true"} if rule.fault is not None else {}, removed):
        made["filters"] = filters
    made["backendRefs"] = _backends(rule, target)
    return made


def _conditions(rule: Rule, target: Target) -> Iterator[dict[str, Any]]:
    headers = [{"type": "Exact", "name": name, "value": value} for name, value in sorted(rule.headers.items())]
    if target.protocol == "grpc":
        if headers:
            yield {"headers": headers}
        return
    own = {**_ANY_PATH, **({"headers": headers} if headers else {})}
    if not rule.safe:
        yield own
        return
    for method in ("GET", "HEAD"):
        yield {**own, "method": method}
    if IDEMPOTENCY_HEADER not in rule.headers:  # a rule for one value of a header keeps its value
        repeatable = {"type": "RegularExpression", "name": IDEMPOTENCY_HEADER, "value": ".+"}
        yield {**own, "headers": [*headers, repeatable]}
    else:
        yield own


def _backends(rule: Rule, target: Target) -> list[dict[str, Any]]:
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
    errors = {"group": "", "kind": "Service", "name": error_service(target), "port": ERROR_PORT}
    return [*(kept if passing else ()), {**errors, "weight": whole * failing // unit}]


def _backend(name: str, weight: int, rule: Rule, target: Target) -> dict[str, Any]:
    version = name.partition("\n")[0]
    service = f"{target.service}-{subset_name(version)}" if version else target.service
    made: dict[str, Any] = {"group": "", "kind": "Service", "name": service, "port": target.port, "weight": weight}
    if filters := _headers(rule.marks.get(name, {}), []):
        made["filters"] = filters
    return made


def _headers(wanted: Mapping[str, str], removed: list[str]) -> list[dict[str, Any]]:
    changes: dict[str, Any] = {}
    if wanted:
        changes["set"] = [{"name": name, "value": value} for name, value in wanted.items()]
    if removed:
        changes["remove"] = removed
    return [{"type": "RequestHeaderModifier", "requestHeaderModifier": changes}] if changes else []
