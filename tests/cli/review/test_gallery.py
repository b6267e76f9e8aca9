"""B4: the gallery of changes: what the report says of each. A person has read the golden reports."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from otel_mesh_cli.core.paths import repo_dir
from otel_mesh_cli.review import origins
from otel_mesh_cli.review.kinds import SEVERE
from otel_mesh_cli.review.markdown import comment
from tests.cli.review import gallery

if TYPE_CHECKING:
    from pathlib import Path

    from otel_mesh_cli.review.report import Report

GOLDEN = repo_dir() / "tests" / "cli" / "review" / "golden"


def told(report: Report) -> str:
    """Verdict and risks of a report, a line each."""
    lines = [report.verdict, f"objects: {report.totals}"]
    for risk in report.risks:
        places = ", ".join(str(line) for line in origins.of(risk, report.lines)) or "-"
        mark = "!" if risk.kind in SEVERE else " "
        lines.append(
            f"{mark} {risk.kind.value}: {risk.subject}: {risk.before} -> {risk.after} ({risk.reason}) [{places}]"
        )
    lines += [f"  check {one}" for one in report.findings.introduced]
    lines.append(f"checks of the base: {report.findings.kept} stay, {report.findings.resolved} resolved")
    return "\n".join(lines) + "\n"


def matches(name: str, text: str) -> bool:
    place = GOLDEN / name
    if os.environ.get("UPDATE_GOLDEN"):
        place.write_text(text)
    return place.read_text() == text


@pytest.mark.parametrize("case", gallery.CASES, ids=lambda case: case.name.replace(" ", "-"))
def test_b4_the_verdict_and_the_risks_of_a_change(case: gallery.Case, tmp_path: Path) -> None:
    report = gallery.report(case, tmp_path)
    assert report.verdict == case.verdict
    assert matches(f"{case.name.replace(' ', '-')}.txt", told(report)), "UPDATE_GOLDEN=1 updates it"
    assert gallery.SECRET not in comment(report)
    assert all(origins.of(risk, report.lines) for risk in report.risks), "every risk names the line that it comes from"


def test_b4_a_report_in_full(tmp_path: Path) -> None:
    case = next(one for one in gallery.CASES if one.name == "caller added")
    text = comment(gallery.report(case, tmp_path))
    assert matches("caller-added.md", text), "UPDATE_GOLDEN=1 updates it"
    assert comment(gallery.report(case, tmp_path)) == text
