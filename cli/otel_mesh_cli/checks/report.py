"""Findings for a person, grouped by object, and as data for a program."""

from __future__ import annotations

import textwrap
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from otel_mesh.check.findings import Severity
from otel_mesh_cli.checks.lines import line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console

    from otel_mesh.check.findings import Finding
    from otel_mesh.check.objects import Object

_COLOURS: Final = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "dim"}
_WIDEST: Final = 100
_INDENT: Final = "        "


def data(finding: Finding) -> dict[str, Any]:
    """A finding as values for a program; fields are added in later versions, never renamed or removed."""
    one = finding.object
    return {
        "code": finding.code.id,
        "severity": finding.severity.value,
        "object": {"kind": one.kind, "namespace": one.namespace, "name": one.name},
        "path": finding.path,
        "message": finding.message,
        "why": finding.why,
        "remedy": finding.remedy,
        "file": one.source or None,
        "line": line(finding) if one.source else None,
    }


def show(console: Console, findings: Sequence[Finding], checked: int) -> None:
    """Print findings by object, those with the worst first, and their number."""
    width = min(console.width, _WIDEST)
    grouped: dict[Object, list[Finding]] = {}
    for finding in findings:
        grouped.setdefault(finding.object, []).append(finding)
    for one, members in grouped.items():
        console.print(f"{one}", style="bold", highlight=False, markup=False, soft_wrap=True)
        if one.source:
            place = f"  {one.source}:{line(members[0])}"
            console.print(place, style="dim", highlight=False, markup=False, soft_wrap=True)
        for finding in members:
            head = f"  {finding.severity.value} {finding.code.id}"
            fits = len(head) + 2 + len(finding.path) <= width
            console.print(head, style=_COLOURS[finding.severity], highlight=False, end="  " if fits else "\n")
            console.print(
                finding.path if fits else f"{_INDENT}{finding.path}", highlight=False, markup=False, soft_wrap=True
            )
            for text in _wrapped(finding, width):
                console.print(text, highlight=False, markup=False, soft_wrap=True)
        console.print()
    console.print(_total(findings, checked), highlight=False, markup=False)


def _wrapped(finding: Finding, width: int) -> Iterator[str]:
    for text in (
        f"{finding.message[:1].upper()}{finding.message[1:]}.",
        finding.why,
        f"Remedy: {finding.remedy.rstrip('?')}{'?' if finding.remedy.endswith('?') else '.'}",
    ):
        yield from textwrap.wrap(
            text,
            width,
            initial_indent=_INDENT,
            subsequent_indent=_INDENT,
            break_long_words=False,
            break_on_hyphens=False,
        )


def _total(findings: Sequence[Finding], checked: int) -> str:
    if not findings:
        return f"{checked} objects: nothing found"
    counts = Counter(one.severity for one in findings)
    names = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
    listed = [f"{counts[one]} {name}{'s' if counts[one] != 1 else ''}" for one, name in names.items() if counts[one]]
    return f"{checked} objects: {', '.join(listed)}"
