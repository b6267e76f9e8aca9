"""All families of checks, in the order of their codes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_mesh.check import (
    authorization,
    destinations,
    egress,
    gateways,
    injection,
    linkerd,
    mesh_annotations,
    mtls,
    platform,
    ports,
    resilience,
    routes,
    selectors,
    virtual_services,
)
from otel_mesh.check.findings import Severity
from otel_mesh.check.index import Index
from otel_mesh.check.objects import Object, objects

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import Any

    from otel_mesh.check.findings import Finding

FAMILIES: Final[tuple[Callable[[Index], Iterator[Finding]], ...]] = (
    destinations.check,
    virtual_services.check,
    routes.check,
    selectors.check,
    ports.check,
    authorization.check,
    mtls.check,
    resilience.check,
    linkerd.check,
    mesh_annotations.check,
    gateways.check,
    injection.check,
    platform.check,
    egress.check,
)
_ORDER: Final = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}


def check_index(index: Index) -> tuple[Finding, ...]:
    """Findings in indexed objects, the worst first, in an order that does not depend on that of the objects."""
    found = {(one.code.id, one.object, one.path, one.message): one for family in FAMILIES for one in family(index)}
    return tuple(sorted(found.values(), key=_key))


def _key(one: Finding) -> tuple[int, str, str, str, str]:
    return _ORDER[one.severity], one.code.id, str(one.object), one.path, one.message


def check_objects(manifests: Iterable[Mapping[str, Any] | Object], environment: str = "") -> tuple[Finding, ...]:
    """Mistakes across the objects of a mesh, found without a cluster.

    Objects refer to each other only. A reference into a namespace of which nothing of the kind was given cannot be
    checked; it is reported with severity ``info``.

    Args:
        manifests: Kubernetes objects, Lists included; values are plain, without `pulumi.Output`.
        environment: ``deployment.environment.name``; in ``production`` a fault without an expiry date is an error.
    """
    given: list[Object] = []
    for one in manifests:
        given += [one] if isinstance(one, Object) else objects([one])
    return check_index(Index(given, environment))
