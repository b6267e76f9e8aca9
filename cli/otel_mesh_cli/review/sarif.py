"""The report as a SARIF log, which code hosts show beside the changed lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otel_mesh_cli.checks.sarif import result
from otel_mesh_cli.core import sarif as form
from otel_mesh_cli.review import origins
from otel_mesh_cli.review.kinds import SEVERE, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from otel_mesh_cli.review.origins import Line
    from otel_mesh_cli.review.report import Report

_WHY: Final = "A change of the stack's file, the catalog, the program or the library has this effect on the mesh."
_REMEDY: Final = "Accept it on purpose, or change the line."


def sarif(report: Report) -> dict[str, Any]:
    """The report's risks, and the findings of the checks that the change introduces.

    Args:
        report: The report.
    """
    return form.log("otel-mesh review", _results(report))


def _results(report: Report) -> Iterator[form.Result]:
    for risk in report.risks:
        text = f"{risk.subject}: {risk.before} -> {risk.after}: {risk.reason}"
        places = _places(origins.of(risk, report.lines), report)
        yield form.Result(_rule(risk.kind), _level(risk.kind), text, places, risk.subject)
    for finding in report.findings.introduced:
        yield result(finding, _places(origins.naming(finding.object.place, report.lines), report))


def _places(lines: Sequence[Line], report: Report) -> list[tuple[str, int]]:
    return [(line.file, line.number) for line in lines] or [(f"Pulumi.{report.stack}.yaml", 1)]


def _rule(kind: Kind) -> form.Rule:
    return form.Rule(kind.value.lower().replace(" ", "-"), _level(kind), kind.value, _WHY, _REMEDY)


def _level(kind: Kind) -> form.Level:
    return "error" if kind in SEVERE else "warning"
