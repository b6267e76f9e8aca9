"""Findings in SARIF 2.1.0 (OASIS), the form in which code hosts show them beside the changed lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from otel_mesh.check.findings import CODES, Severity
from otel_mesh_cli.checks.lines import line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_mesh.check.findings import Code, Finding

SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS: Final = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}


def log(findings: Sequence[Finding], version: str) -> dict[str, Any]:
    """A log with one run.

    Args:
        findings: Findings of the run.
        version: Version of the command.
    """
    rules = [CODES[id_] for id_ in sorted({one.code.id for one in findings})]
    places = {rule.id: place for place, rule in enumerate(rules)}
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "otel-mesh check",
                        "semanticVersion": version,
                        "rules": [_rule(rule) for rule in rules],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "results": [_result(one, places[one.code.id]) for one in findings],
            }
        ],
    }


def _rule(rule: Code) -> dict[str, Any]:
    return {
        "id": rule.id,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.why},
        "help": {"text": rule.remedy},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
    }


def _result(finding: Finding, rule: int) -> dict[str, Any]:
    one = finding.object
    logical = {"fullyQualifiedName": f"{one}: {finding.path}", "kind": "object"}
    location: dict[str, Any] = {"logicalLocations": [logical]}
    if one.source:
        location["physicalLocation"] = {
            "artifactLocation": {"uri": quote(one.source)},
            "region": {"startLine": max(line(finding), 1)},
        }
    return {
        "ruleId": finding.code.id,
        "ruleIndex": rule,
        "level": _LEVELS[finding.severity],
        "message": {"text": f"{one}: {finding.path}: {finding.message}. {finding.why} Remedy: {finding.remedy}."},
        "locations": [location],
    }
