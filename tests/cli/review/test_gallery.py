"""B4: the gallery of changes: what the report says of each. A person has read the golden reports."""

from __future__ import annotations

import base64
import json
import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from otel_mesh_cli.core.paths import repo_dir
from otel_mesh_cli.review import origins
from otel_mesh_cli.review.kinds import SEVERE, grouped
from otel_mesh_cli.review.markdown import comment
from otel_mesh_cli.review.picture import svg
from otel_mesh_cli.review.risk_table import places
from otel_mesh_cli.review.sarif import sarif
from tests.cli.review import cases, gallery, linkerd_cases

if TYPE_CHECKING:
    from pathlib import Path

    from otel_mesh_cli.review.report import Report

GOLDEN = repo_dir() / "tests" / "cli" / "review" / "golden"
IN_FULL = ("caller added", "caller added on Linkerd", "canary step on Linkerd")
"""Cases of which the whole comment is a golden file."""


def told(report: Report) -> str:
    """Verdict, risks, findings and judged calls of a report, a line each."""
    lines = [report.verdict, f"objects: {report.totals}"]
    for group in grouped(report.risks):
        risk = group.first
        changed = [line for one in group.risks for line in origins.of(one, report.lines)]
        mark, subjects = "!" if risk.kind in SEVERE else " ", ", ".join(group.subjects)
        lines.append(f"{mark} {risk.kind.value}: {subjects}: {risk.before} -> {risk.after} ({group.reason})")
        lines.append(f"    from {', '.join(places(changed)) or 'the program or the library'}")
    if report.traffic:
        lines += [
            f"! refused: {one.caller} -> {one.callee}, {one.calls:.0f} calls: {one.reason}" for one in report.refused
        ]
        already = ", ".join(f"{caller} -> {callee}" for caller, callee in sorted(report.traffic.already))
        lines.append(f"  of {report.traffic.replay.compared} pairs; refused by the base too: {already or 'none'}")
    lines += [f"  check {one}" for one in report.findings.introduced]
    lines.append(f"checks of the base: {report.findings.kept} stay, {report.findings.resolved} resolved")
    return "\n".join(lines) + "\n"


def matches(name: str, text: str) -> bool:
    place = GOLDEN / name
    if os.environ.get("UPDATE_GOLDEN"):
        place.write_text(text)
    return place.read_text() == text


@pytest.mark.parametrize("case", [*cases.CASES, *linkerd_cases.CASES, *linkerd_cases.OWN], ids=lambda case: case.slug)
def test_b4_the_verdict_and_the_risks_of_a_change(case: cases.Case, tmp_path: Path) -> None:
    report = gallery.report(case, tmp_path)
    assert report.verdict == case.verdict
    assert matches(f"{case.slug}.txt", told(report)), "UPDATE_GOLDEN=1 updates it"
    of_the_stack = {cases.FILE, cases.CATALOG} >= {file for file, _, _ in case.edits}
    assert not of_the_stack or all(origins.of(risk, report.lines) for risk in report.risks), "every risk has its line"
    text = comment(report)
    assert comment(report) == text
    if case.name in IN_FULL:
        assert matches(f"{case.slug}.md", text), "UPDATE_GOLDEN=1 updates it"
    with_secrets = gallery.with_secrets(report)
    data = (json.dumps(one) for one in (with_secrets.data(), sarif(with_secrets)))
    shown = [comment(with_secrets), *data, svg(with_secrets)]
    for secret in gallery.SECRETS:
        encoded = base64.b64encode(secret.encode()).decode()
        assert not [text for text in shown if secret in text or encoded in text], "a secret value is shown"
    assert "Secret shop/written" in shown[0]


def on_istio(case: cases.Case) -> cases.Case:
    """A change of a stack with Linkerd, made of the same stack with Istio."""
    return replace(case, base=tuple(one for one in case.base if one not in linkerd_cases.LINKERD))


@pytest.mark.parametrize("case", linkerd_cases.CASES, ids=lambda case: case.slug)
def test_b4_the_same_change_has_the_same_risks_on_both_meshes(case: cases.Case, tmp_path: Path) -> None:
    linkerd, istio = (gallery.report(one, tmp_path) for one in (case, on_istio(case)))
    assert linkerd.risks == istio.risks
    assert not linkerd.risks or linkerd.verdict == istio.verdict
    tables = [
        [(one.match, one.where, one.fault, one.ends, one.timeout) for one in side.version.routes if not one.gateways]
        for side in (linkerd.before, linkerd.after, istio.before, istio.after)
    ]
    assert tables[:2] == tables[2:]
