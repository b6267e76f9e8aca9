"""Backends of a Gateway API route: where its rules send requests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from otel_mesh.check.objects import mappings, number, text

if TYPE_CHECKING:
    from otel_mesh.check.index import Index
    from otel_mesh.check.objects import Object


@dataclass(frozen=True)
class Backend:
    """Where a rule sends a share of its requests."""

    path: str
    """Place in the rule, as ``backendRefs[1]``."""
    kind: str
    namespace: str
    name: str
    port: object
    """As written; None: not given."""
    weight: int
    """Parts of the sum of the rule's weights; 0: no request."""
    service: Object | None
    """The Service; None if it is not among the objects, or another kind is meant."""


def backends(index: Index, route: Object, rule: dict[str, Any]) -> list[Backend]:
    """Backends of a rule.

    Args:
        index: All objects.
        route: The route.
        rule: One of its rules.
    """
    return [_backend(index, route, f"backendRefs[{at}]", given) for at, given in mappings(rule.get("backendRefs"))]


def _backend(index: Index, route: Object, path: str, given: dict[str, Any]) -> Backend:
    kind, name = text(given.get("kind")) or "Service", text(given.get("name"))
    namespace = text(given.get("namespace")) or route.namespace
    service = index.get("Service", namespace, name) if kind == "Service" else None
    return Backend(path, kind, namespace, name, given.get("port"), number(given.get("weight", 1)) or 0, service)
