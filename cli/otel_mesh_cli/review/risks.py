"""All risks of a change, worst kind first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_mesh_cli.review import access_risks, data_risks, guard_risks, mesh_risks, route_risks, telemetry_risks
from otel_mesh_cli.review.kinds import Kind, Risk
from otel_mesh_cli.review.renames import renames

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otel_mesh_cli.review.model import Version
    from otel_mesh_cli.review.objects import Change

_ORDER: Final = {kind: place for place, kind in enumerate(Kind)}


def risks(before: Version, after: Version, changes: Iterable[Change]) -> tuple[Risk, ...]:
    """Risks of an update from one version to another.

    Args:
        before: The base.
        after: The proposed version.
        changes: What the update does with each object.
    """
    renamed = renames(before, after)
    found = [
        *data_risks.risks(before, after, changes, renamed),
        *access_risks.risks(before, after, renamed),
        *guard_risks.risks(before, after),
        *mesh_risks.risks(before, after),
        *route_risks.risks(before, after),
        *telemetry_risks.risks(before, after),
    ]
    return tuple(sorted(found, key=lambda one: (_ORDER[one.kind], one.subject)))
