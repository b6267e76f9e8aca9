"""The report as a SARIF log, which code hosts show beside the changed lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otel_mesh_cli.checks.sarif import result
from otel_mesh_cli.core import sarif as form
from otel_mesh_cli.review import origins, policy
from otel_mesh_cli.review.kinds import SEVERE, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from otel_mesh_cli.review.origins import Line
    from otel_mesh_cli.review.report import Report

_WHY: Final = "A change of the stack's file, the catalog, the program or the library has this effect on the mesh."
_REMEDY: Final = "Accept it on purpose, or change the line."
_MISSING: Final = form.Rule(
    "missing-label",
    "error",
    "label of the pull request is missing",
    "The policy of the repository asks for the label: nobody has accepted the risks.",
    "Have the risks accepted by giving the pull request the label, or change the lines.",
)


def sarif(report: Report) -> dict[str, Any]:
    """Missing labels, the report's risks, and the findings of the checks that the change introduces.

    Args:
        report: The report.
    """
    return form.log("otel-mesh review", _results(report))


def _results(report: Report) -> Iterator[form.Result]:
    yield from _missing(report)
    for risk in report.risks:
        text = f"{risk.subject}: {risk.before} -> {risk.after}: {risk.reason}"
        places = _places(origins.of(risk, report.lines), report)
        yield form.Result(_rule(risk.kind), _level(risk.kind), text, places, risk.subject)
    for finding in report.findings.introduced:
        yield result(finding, _places(origins.naming(finding.object.place, report.lines), report))


def _missing(report: Report) -> Iterator[form.Result]:
    """The labels that the policy asks for and the pull request lacks, at the lines that they would accept."""
    for one in report.acceptances:
        if report.terms is not None and not one.is_given:
            by = f"{policy.FILE} of {report.terms.source}"
            text = f"label '{one.label}' is missing and would accept: {', '.join(one.accepts)}; by {by}"
            places = [(line.file, line.number) for line in one.lines] or [(policy.FILE, 1)]
            yield form.Result(_MISSING, _MISSING.level, text, places)


def _places(lines: Sequence[Line], report: Report) -> list[tuple[str, int]]:
    return [(line.file, line.number) for line in lines] or [(f"Pulumi.{report.stack}.yaml", 1)]


def _rule(kind: Kind) -> form.Rule:
    return form.Rule(kind.value.lower().replace(" ", "-"), _level(kind), kind.value, _WHY, _REMEDY)


def _level(kind: Kind) -> form.Level:
    return "error" if kind in SEVERE else "warning"
