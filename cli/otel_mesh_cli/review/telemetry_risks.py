"""Risks to telemetry: spans, metrics and logs that nobody gets any more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_mesh_cli.review.kinds import Kind, Risk
from otel_mesh_cli.review.workloads import environment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_mesh_cli.review.model import Version

_ENDPOINT: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
_NONE: Final = "none"


def risks(before: Version, after: Version) -> Iterator[Risk]:
    """Lower sampling, pipelines that lose an exporter, filters, and services that export nowhere.

    Args:
        before: The base.
        after: The proposed version.
    """
    for place, was in sorted(before.sampling.items()):
        will = after.sampling.get(place, was)
        if will < was:
            yield Risk(Kind.TELEMETRY, f"sampling of {place}", f"{was:g} %", f"{will:g} %", "fewer traces are recorded")
    for name, exporters in sorted(before.pipelines.items()):
        left = after.pipelines.get(name, ())
        if lost := [one for one in exporters if one not in left]:
            subject = f"pipeline {name}"
            yield Risk(
                Kind.TELEMETRY, subject, ", ".join(exporters), ", ".join(left) or _NONE, f"nothing reaches {lost[0]}"
            )
    for name, config in sorted(after.dropping.items()):
        if before.dropping.get(name) != config:
            old = before.dropping.get(name, _NONE)
            yield Risk(Kind.TELEMETRY, f"processor {name}", old, config, "it decides what is dropped")
    for place in sorted(before.workloads.keys() & after.workloads.keys()):
        endpoint, kept = (environment(version.workloads[place]).get(_ENDPOINT) for version in (before, after))
        if endpoint and not kept:
            yield Risk(Kind.TELEMETRY, place, f"exports to {endpoint}", "exports nowhere", "its telemetry is lost")
