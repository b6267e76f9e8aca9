"""What the policy of a repository asks for a change: labels of the pull request, given or missing."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from otel_mesh.check.findings import Severity
from otel_mesh_cli.review import policy
from otel_mesh_cli.review.kinds import SEVERE

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    """

    label: str
    accepts: tuple[str, ...]
    is_given: bool


def acceptances(report: Report, agreed: Terms) -> tuple[Acceptance, ...]:
    """The labels that a change needs, by name.

    Args:
        report: The report on the change.
        agreed: The policy and the labels of the pull request.
    """
    needed: dict[str, list[str]] = {}
    for what, number, name, severe in _subjects(report):
        label = agreed.policy.label(report.stack, what, severe=severe)
        if label is not None:
            needed.setdefault(label, []).append(f"{name} ({number})")
    return tuple(Acceptance(one, tuple(needed[one]), one in agreed.labels) for one in sorted(needed))


def _subjects(report: Report) -> Iterator[tuple[str, int, str, bool]]:
    """What labels may be needed for: field of the policy, number, words, whether it is severe."""
    for kind, number in Counter(risk.kind for risk in report.risks).items():
        yield policy.key(kind), number, kind.value, kind in SEVERE
    if report.refused:
        yield "refused_calls", len(report.refused), "observed callers are refused", True
    if errors := [one for one in report.serious if one.severity is Severity.ERROR]:
        yield "check_errors", len(errors), "errors of the checks", True


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
    needed = [{"label": one.label, "accepts": list(one.accepts), "given": one.is_given} for one in report.acceptances]
    return {"from": report.terms.source, "edited": report.terms.is_edited, "labels": needed}
