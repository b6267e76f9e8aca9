"""Risks to telemetry: spans, metrics and logs that nobody gets any more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otel_mesh_cli.review.kinds import Kind, Risk
from otel_mesh_cli.review.workloads import environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from otel_mesh_cli.review.model import Version

_ENDPOINT: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
_NONE: Final = "none"
_SHARE: Final = "sampling_percentage"
"""Field of processors that is the share of kept data in percent."""
_MANY: Final = "telemetry is lost in {} places"


def risks(before: Version, after: Version) -> Iterator[Risk]:
    """Lower sampling, pipelines that lose an exporter, filters, and services that export nowhere.

    Args:
        before: The base.
        after: The proposed version.
    """
    for place, was in sorted(before.sampling.items()):
        will = after.sampling.get(place, was)
        if will < was:
            one = f"sampling of {place} falls from {was:g} % to {will:g} %"
            reason = "fewer traces are recorded"
            yield Risk(Kind.TELEMETRY, f"sampling of {place}", f"{was:g} %", f"{will:g} %", reason, one, _MANY)
    for name, exporters in sorted(before.pipelines.items()):
        left = after.pipelines.get(name, ())
        if lost := [one for one in exporters if one not in left]:
            place, _, pipeline = name.partition(" ")
            one = f"{pipeline} of {place} no longer reach {lost[0]}"
            subject, reason = f"pipeline {pipeline} of {place}", f"nothing reaches {', '.join(lost)}"
            yield Risk(Kind.TELEMETRY, subject, ", ".join(exporters), ", ".join(left) or _NONE, reason, one, _MANY)
    for name, config in sorted(after.dropping.items()):
        yield from _dropping(name, before.dropping.get(name), config)
    for place in sorted(before.workloads.keys() & after.workloads.keys()):
        endpoint, kept = (environment(version.workloads[place]).get(_ENDPOINT) for version in (before, after))
        if endpoint and not kept:
            one, reason = f"{place} no longer exports telemetry", "its telemetry is lost"
            yield Risk(Kind.TELEMETRY, place, f"exports to {endpoint}", "exports nowhere", reason, one, _MANY)


_LONGEST: Final = 160
"""Characters of a sentence in the verdict; conditions that are longer stand in the table of risks only."""


def _dropping(name: str, old: Mapping[str, Any] | None, new: Mapping[str, Any]) -> Iterator[Risk]:
    """A processor that drops data; shares that only rise lose nothing."""
    place, _, processor = name.partition(" ")
    subject = f"processor {processor} of {place}"
    if old is None:
        one = f"processor {processor} of {place} is new and drops data"
        yield Risk(Kind.TELEMETRY, subject, _NONE, "drops what its settings say", "less data is kept", one, _MANY)
        return
    were, will = dict(_flat(old)), dict(_flat(new))
    differing = sorted(path for path in were.keys() | will.keys() if were.get(path) != will.get(path))
    if not differing or all(_rises(path, were.get(path), will.get(path)) for path in differing):
        return
    had, has = (", ".join(f"{_short(path)} {_value(side.get(path))}" for path in differing) for side in (were, will))
    reason, one = "it decides what is dropped", f"{place} keeps other data: {has} (before: {had})"
    if len(one) > _LONGEST:
        one = f"processor {processor} of {place} drops other data"
    if len(differing) == 1 and differing[0].endswith(f" {_SHARE}"):
        policy, share = _short(differing[0]).partition(":")[0], _value(will.get(differing[0]))
        had, has = (f"{_value(side.get(differing[0]))} % of the traces of policy {policy}" for side in (were, will))
        one, reason = (
            f"{place} keeps {share} % of the traces of policy {policy} (before: {had.partition(' ')[0]} %)",
            "fewer traces are kept",
        )
    yield Risk(Kind.TELEMETRY, subject, had, has, reason, one, _MANY)


def _rises(path: str, old: object, new: object) -> bool:
    numbers = isinstance(old, int | float) and isinstance(new, int | float)
    return path.endswith(_SHARE) and numbers and old < new  # type: ignore[operator]


def _short(path: str) -> str:
    """Of a policy its name and the field."""
    policies, *rest = path.split()
    return f"{rest[0]}: {rest[-1]}" if policies == "policies" and len(rest) > 1 else path


def _value(value: object) -> str:
    return "not set" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _flat(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Values by their path; items of lists by their name where they have one."""
    if isinstance(value, dict):
        for key, one in value.items():
            if key != "name":
                yield from _flat(one, f"{path} {key}".strip())
    elif isinstance(value, list) and all(isinstance(one, dict) and "name" in one for one in value):
        for one in value:
            yield from _flat(one, f"{path} {one['name']}".strip())
    else:
        yield path, value
