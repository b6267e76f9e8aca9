"""What the policy of a repository asks for a change: labels of the pull request, given or missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from otel_mesh.check.findings import Severity
from otel_mesh_cli.review import origins, policy
from otel_mesh_cli.review.kinds import SEVERE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_mesh_cli.review.kinds import Kind
    from otel_mesh_cli.review.origins import Line
    from otel_mesh_cli.review.policy import Policy
    from otel_mesh_cli.review.report import Report


@dataclass(frozen=True)
class Terms:
    """A policy and the labels of a pull request.

    Attributes:
        policy: The policy.
        source: What the policy is from: the base, or the checkout.
        labels: Labels of the pull request.
        is_edited: Whether the change edits the policy.
    """

    policy: Policy
    source: str
    labels: tuple[str, ...]
    is_edited: bool = False


@dataclass(frozen=True)
class Acceptance:
    """A label that a change needs.

    Attributes:
        label: Name of the label.
        accepts: What it accepts, with numbers.
        is_given: Whether the pull request has it.
        lines: Changed lines that it accepts.
    """

    label: str
    accepts: tuple[str, ...]
    is_given: bool
    lines: tuple[Line, ...] = ()


def acceptances(report: Report, agreed: Terms) -> tuple[Acceptance, ...]:
    """The labels that a change needs, by name.

    Args:
        report: The report on the change.
        agreed: The policy and the labels of the pull request.
    """
    needed: dict[str, list[str]] = {}
    lines: dict[str, list[Line]] = {}
    for what, name, subjects, severe in _accepted(report):
        label = agreed.policy.label(report.stack, what, severe=severe)
        if label is not None:
            needed.setdefault(label, []).append(f"{name} ({len(subjects)})")
            found = (line for one in subjects for line in origins.naming(one, report.lines))
            lines.setdefault(label, []).extend(found)
    return tuple(
        Acceptance(one, tuple(needed[one]), one in agreed.labels, tuple(dict.fromkeys(lines[one])))
        for one in sorted(needed)
    )


def _accepted(report: Report) -> Iterator[tuple[str, str, list[str], bool]]:
    """What labels may be needed for: field of the policy, words, what each is about, whether it is severe."""
    kinds: dict[Kind, list[str]] = {}
    for risk in report.risks:
        kinds.setdefault(risk.kind, []).append(risk.subject)
    for kind, subjects in kinds.items():
        yield policy.key(kind), kind.value, subjects, kind in SEVERE
    if report.refused:
        yield "refused_calls", "observed callers are refused", [one.callee for one in report.refused], True
    if errors := [one.object.place for one in report.serious if one.severity is Severity.ERROR]:
        yield "check_errors", "errors of the checks", errors, True


def text(report: Report) -> str:
    """The labels as a block of the report; empty if none is needed.

    Args:
        report: The report.
    """
    if report.terms is None or not (report.acceptances or report.terms.is_edited):
        return ""
    lines = [f"> [!{'NOTE' if all(one.is_given for one in report.acceptances) else 'CAUTION'}]"]
    for one in report.acceptances:
        state = "accepts" if one.is_given else "is missing and would accept"
        lines.append(f"> - label `{one.label}` {state}: {', '.join(one.accepts)}")
    edited = " The change edits that file; the base's decides." if report.terms.is_edited else ""
    lines += [">", f"> By `{policy.FILE}` of {report.terms.source}.{edited}"]
    return "\n".join(lines)


def data(report: Report) -> dict[str, Any] | None:
    """The labels as values that JSON can hold; None without a policy.

    Args:
        report: The report.
    """
    if report.terms is None:
        return None
    needed = [
        {
            "label": one.label,
            "accepts": list(one.accepts),
            "given": one.is_given,
            "lines": [{"file": line.file, "line": line.number} for line in one.lines],
        }
        for one in report.acceptances
    ]
    missing = [one.label for one in report.acceptances if not one.is_given]
    return {"from": report.terms.source, "edited": report.terms.is_edited, "labels": needed, "missing": missing}
