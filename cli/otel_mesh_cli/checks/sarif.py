"""Findings as results of a SARIF log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otel_mesh.check.findings import Severity
from otel_mesh_cli.checks.lines import line
from otel_mesh_cli.core import sarif

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_mesh.check.findings import Code, Finding

_LEVELS: Final[dict[Severity, sarif.Level]] = {
    Severity.ERROR: "error",
    Severity.WARNING: "warning",
    Severity.INFO: "note",
}


def log(findings: Sequence[Finding]) -> dict[str, Any]:
    """A log of findings.

    Args:
        findings: Findings of the run.
    """
    return sarif.log("otel-mesh check", (result(one, _places(one)) for one in findings))


def result(finding: Finding, places: Sequence[tuple[str, int]]) -> sarif.Result:
    """A finding as a result.

    Args:
        finding: The finding.
        places: Files and lines it comes from.
    """
    subject = f"{finding.object}: {finding.path}"
    message = f"{subject}: {finding.message}. {finding.why} Remedy: {finding.remedy}."
    return sarif.Result(_rule(finding.code), _LEVELS[finding.severity], message, places, subject)


def _rule(code: Code) -> sarif.Rule:
    return sarif.Rule(code.id, _LEVELS[code.severity], code.title, code.why, code.remedy)


def _places(finding: Finding) -> list[tuple[str, int]]:
    return [(finding.object.source, line(finding))] if finding.object.source else []
