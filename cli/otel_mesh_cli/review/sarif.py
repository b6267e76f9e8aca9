"""The report in SARIF 2.1.0, which code hosts show beside the changed lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otel_mesh_cli.review import origins
from otel_mesh_cli.review.kinds import SEVERE, Kind

if TYPE_CHECKING:
    from otel_mesh_cli.review.kinds import Risk
    from otel_mesh_cli.review.report import Report

_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"


def sarif(report: Report) -> dict[str, Any]:
    """The report's risks as a SARIF log.

    Args:
        report: The report.
    """
    rules = [{"id": _rule(kind), "shortDescription": {"text": kind.value}} for kind in Kind]
    driver = {"name": "otel-mesh review", "rules": rules}
    results = [_result(risk, report) for risk in report.risks]
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": results}]}


def _result(risk: Risk, report: Report) -> dict[str, Any]:
    text = f"{risk.subject}: {risk.before} -> {risk.after}: {risk.reason}"
    lines = list(origins.of(risk, report.lines)) or [origins.Line(f"Pulumi.{report.stack}.yaml", 1, "")]
    return {
        "ruleId": _rule(risk.kind),
        "level": "error" if risk.kind in SEVERE else "warning",
        "message": {"text": text},
        "locations": [
            {"physicalLocation": {"artifactLocation": {"uri": line.file}, "region": {"startLine": line.number}}}
            for line in lines
        ],
    }


def _rule(kind: Kind) -> str:
    return kind.value.lower().replace(" ", "-")
