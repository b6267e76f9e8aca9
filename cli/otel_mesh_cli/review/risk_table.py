"""The table of risks: one row for all that say the same."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

from otel_mesh_cli.review import origins
from otel_mesh_cli.review.kinds import SEVERE, grouped

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from otel_mesh_cli.review.kinds import Group
    from otel_mesh_cli.review.origins import Line
    from otel_mesh_cli.review.report import Report

_MOST_SUBJECTS: Final = 8
_MOST_PLACES: Final = 5
_HEADER: Final = ("| risk | of | before | after | why | from |", "|---|---|---|---|---|---|")


def table(report: Report) -> str:
    """The table; empty without risks.

    Args:
        report: The report.
    """
    groups = grouped(report.risks)
    if not groups:
        return ""
    return "\n".join((*_HEADER, *(_row(one, report) for one in groups)))


def places(lines: Iterable[Line]) -> list[str]:
    """Names of files, without their folders, with the numbers of lines: ``Pulumi.prod.yaml:12-15,20``.

    Args:
        lines: The lines.
    """
    numbers: dict[str, set[int]] = {}
    for line in lines:
        numbers.setdefault(line.file.rpartition("/")[2], set()).add(line.number)
    return [f"{file}:{','.join(_ranges(sorted(found)))}" for file, found in numbers.items()]


def _ranges(numbers: Sequence[int]) -> Iterator[str]:
    first = numbers[0]
    for one, following in pairwise([*numbers, numbers[-1] + 2]):
        if following != one + 1:
            yield str(first) if first == one else f"{first}-{one}"
            first = following


def _row(group: Group, report: Report) -> str:
    risk = group.first
    mark = "\N{HEAVY EXCLAMATION MARK SYMBOL} " if risk.kind in SEVERE else ""
    lines = [line for one in group.risks for line in origins.of(one, report.lines)]
    where = _few([code(one) for one in places(lines)], _MOST_PLACES, "<br>") or "the program or the library"
    subjects = _few([code(one) for one in group.subjects], _MOST_SUBJECTS, "<br>")
    cells = (mark + risk.kind.value, subjects, cell(risk.before), cell(risk.after), cell(group.reason), where)
    return f"| {' | '.join(cells)} |"


def _few(texts: Sequence[str], most: int, between: str) -> str:
    shown = texts if len(texts) <= most else [*texts[: most - 1], f"and {len(texts) - most + 1} more"]
    return between.join(shown)


def cell(text: str) -> str:
    """Text for a cell of a table in Markdown."""
    return text.replace("|", "\\|").replace("\n", " ")


def code(text: str) -> str:
    """Text for a cell of a table, as code."""
    return f"`{cell(text)}`"
