"""The report on a cluster that differs from its stack."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from otel_mesh_cli.review.objects import Action, differences
from otel_mesh_cli.review.report import Report

if TYPE_CHECKING:
    from collections.abc import Iterator

_DONE: Final = {Action.CREATE: "added", Action.DELETE: "missing", Action.UPDATE: "changed", Action.REPLACE: "changed"}
_LONGEST: Final = 100
"""Longest value that is shown whole."""


@dataclass(frozen=True)
class Drift(Report):
    """What others than the engine did to a stack's objects; a deleted object is missing, a created one was added."""

    NAME: ClassVar[str] = "drift"

    @property
    def verdict(self) -> str:
        """What differs, in one sentence."""
        return super().verdict if self.changes else "The cluster is as the last update left it."

    @property
    def unchecked(self) -> tuple[str, ...]:
        """What the report cannot know, one sentence each."""
        return (*self.before.unchecked, *self.after.unchecked)


def text(report: Drift) -> str:
    """The report for a terminal.

    Args:
        report: The report.
    """
    return "\n".join(_lines(report))


def _lines(report: Drift) -> Iterator[str]:
    yield f"stack {report.stack}: {report.verdict}"
    for risk in report.risks:
        yield f"  {risk.kind.value}: {risk.subject}: {risk.before} -> {risk.after}"
    for change in report.changes:
        yield f"{_DONE[change.action]}: {change.key}"
        if change.before is not None and change.after is not None:
            for path, old, new in differences(change.before, change.after):
                yield f"    {path}: {_shown(old)} -> {_shown(new)}"
    yield f"compared {report.before.name} with {report.after.name}; not compared:"
    yield from (f"  - {one}" for one in report.unchecked)


def _shown(value: object) -> str:
    shown = "(none)" if value is None else str(value)
    return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}..."
