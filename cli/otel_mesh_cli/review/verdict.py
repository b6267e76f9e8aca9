"""The verdict on a change: one sentence."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Final

from otel_mesh.check.findings import Severity
from otel_mesh_cli.review.kinds import Kind
from otel_mesh_cli.review.objects import Action

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from otel_mesh.check.findings import Finding
    from otel_mesh_cli.checks.replay import RefusedCall
    from otel_mesh_cli.review.kinds import Risk
    from otel_mesh_cli.review.objects import Change


_TOLD: Final = {"OM321": Kind.MTLS, "OM401": Kind.FAULT, "OM402": Kind.FAULT, "OM404": Kind.RETRIES}
"""Findings that say what a risk says already, by code."""


def verdict(
    risks: Sequence[Risk],
    changes: Sequence[Change],
    findings: Sequence[Finding] = (),
    refused: Sequence[RefusedCall] = (),
) -> str:
    """What a change does, in one sentence.

    Args:
        risks: Its risks, worst first.
        changes: What it does with each object.
        findings: Findings of the offline checks that it introduces.
        refused: Observed calls that it refuses.
    """
    if not changes:
        return "Nothing changes."
    parts = [*_refused(refused), *_parts(risks), *_findings(risks, findings)]
    if not parts:
        parts.append("1 object changes without a known risk" if len(changes) == 1 else _without_risk(changes))
    if not any(risk.kind is Kind.DATA for risk in risks):
        parts.append("no data is deleted")
    text = "; ".join(parts)
    return re.sub(r"^[a-z]+(?= )", lambda word: word[0].capitalize(), text) + "."


def _without_risk(changes: Sequence[Change]) -> str:
    return f"{len(changes)} objects change without a known risk"


def _parts(risks: Sequence[Risk]) -> Iterator[str]:
    """A clause for all risks with the same words, in the order of the first."""
    number = Counter(risk.many for risk in risks)
    for many, count in number.items():
        yield many.format(count) if count > 1 else next(risk.one for risk in risks if risk.many == many)


def _refused(calls: Sequence[RefusedCall]) -> Iterator[str]:
    if len(calls) == 1:
        yield f"{calls[0].caller}, which called {calls[0].callee} {calls[0].calls:.0f} times, would be refused"
    elif calls:
        yield f"{len(calls)} observed callers would be refused"


def _findings(risks: Sequence[Risk], findings: Sequence[Finding]) -> Iterator[str]:
    kinds = {risk.kind for risk in risks}
    number = Counter(one.severity for one in findings if _TOLD.get(one.code.id) not in kinds)
    for severity in (Severity.ERROR, Severity.WARNING):
        if number[severity]:
            yield f"the checks find {number[severity]} new {severity.value}{'' if number[severity] == 1 else 's'}"


def totals(changes: Sequence[Change]) -> str:
    """``2 created, 5 updated, 1 replaced, 0 deleted``."""
    number = Counter(change.action for change in changes)
    return ", ".join(f"{number[action]} {action.value.removesuffix('e')}ed" for action in Action)
