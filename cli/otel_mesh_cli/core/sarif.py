"""Logs in SARIF 2.1.0 (OASIS), the form in which code hosts show results beside the changed lines."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
Level = Literal["error", "warning", "note"]


@dataclass(frozen=True)
class Rule:
    """A kind of result.

    Attributes:
        id: Stable id.
        level: Level unless a result says otherwise.
        title: Kind in a few words.
        why: Consequence.
        remedy: Action that corrects it.
    """

    id: str
    level: Level
    title: str
    why: str
    remedy: str


@dataclass(frozen=True)
class Result:
    """One result.

    Attributes:
        rule: Kind of the result.
        level: Level of the result.
        message: Message for a person.
        places: Files and lines; the line of a file that is not known is 1.
        subject: Object and field; empty for none.
    """

    rule: Rule
    level: Level
    message: str
    places: Sequence[tuple[str, int]] = ()
    subject: str = ""


def log(command: str, results: Iterable[Result]) -> dict[str, Any]:
    """A log with one run.

    Args:
        command: Command that the results are of.
        results: Results in the order to show them.
    """
    given = list(results)
    rules = sorted({one.rule for one in given}, key=lambda one: one.id)
    driver = {
        "name": command,
        "semanticVersion": version("otel-mesh-cli"),
        "rules": [
            {
                "id": one.id,
                "shortDescription": {"text": one.title},
                "fullDescription": {"text": one.why},
                "help": {"text": one.remedy},
                "defaultConfiguration": {"level": one.level},
            }
            for one in rules
        ],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(one, rules.index(one.rule)) for one in given],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _result(one: Result, place: int) -> dict[str, Any]:
    physical: list[dict[str, Any]] = [
        {"physicalLocation": {"artifactLocation": {"uri": quote(file)}, "region": {"startLine": max(line, 1)}}}
        for file, line in one.places
    ]
    locations = physical or [{}]
    if one.subject:
        logical = {"fullyQualifiedName": one.subject, "kind": "object"}
        locations = [{"logicalLocations": [logical], **location} for location in locations]
    return {
        "ruleId": one.rule.id,
        "ruleIndex": place,
        "level": one.level,
        "message": {"text": one.message},
        "locations": locations,
    }
