"""The verdict on a change: one sentence."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from otel_mesh.check.findings import Severity
from otel_mesh_cli.review.kinds import Kind
from otel_mesh_cli.review.objects import Action

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from otel_mesh.check.findings import Finding
    from otel_mesh_cli.review.kinds import Risk
    from otel_mesh_cli.review.objects import Change


def verdict(
    risks: Sequence[Risk], changes: Sequence[Change], findings: Sequence[Finding] = (), refused: int = 0
) -> str:
    """What a change does, in one sentence.

    Args:
        risks: Its risks.
        changes: What it does with each object.
        findings: Findings of the offline checks that it introduces.
        refused: Number of observed callers that it refuses.
    """
    if not changes:
        return "Nothing changes."
    parts = [*_refused(refused), *_parts(risks), *_findings(findings), _data(risks)]
    text = ", ".join(parts[:-1]) + (" and " if len(parts) > 1 else "") + parts[-1]
    return f"{text[0].upper()}{text[1:]}."


def _parts(risks: Sequence[Risk]) -> Iterator[str]:
    number = Counter(risk.kind for risk in risks)
    words = {
        Kind.BREAKS: ("{} call is refused", "{} calls are refused"),
        Kind.OPENS: ("{} call is newly allowed", "{} calls are newly allowed"),
        Kind.MTLS: ("mTLS is weakened in {} place", "mTLS is weakened in {} places"),
        Kind.LEAVES: ("{} workload leaves the mesh", "{} workloads leave the mesh"),
        Kind.FAULT: ("{} fault reaches production", "{} faults reach production"),
        Kind.GUARD: ("{} call passes one of two guards", "{} calls pass one of two guards"),
        Kind.TELEMETRY: ("telemetry is lost in {} place", "telemetry is lost in {} places"),
        Kind.RETRIES: ("retries multiply at {} host", "retries multiply at {} hosts"),
        Kind.TRAFFIC: ("{} route changes", "{} routes change"),
        Kind.CAPACITY: ("{} workload changes its number of pods", "{} workloads change their number of pods"),
        Kind.VERSION: ("{} version changes", "{} versions change"),
        Kind.RESTARTS: ("{} workload restarts", "{} workloads restart"),
    }
    for kind, (one, several) in words.items():
        if number[kind]:
            yield (one if number[kind] == 1 else several).format(number[kind])


def _refused(number: int) -> Iterator[str]:
    if number:
        yield f"{number} observed {'caller' if number == 1 else 'callers'} would be refused"


def _findings(findings: Sequence[Finding]) -> Iterator[str]:
    number = Counter(one.severity for one in findings)
    for severity in (Severity.ERROR, Severity.WARNING):
        if number[severity]:
            yield f"the checks find {number[severity]} new {severity.value}{'' if number[severity] == 1 else 's'}"


def _data(risks: Sequence[Risk]) -> str:
    number = sum(risk.kind is Kind.DATA for risk in risks)
    if not number:
        return "no data is deleted"
    return f"data is deleted or replaced in {number} object{'' if number == 1 else 's'}"


def totals(changes: Sequence[Change]) -> str:
    """``2 created, 5 updated, 1 replaced, 0 deleted``."""
    number = Counter(change.action for change in changes)
    return ", ".join(f"{number[action]} {action.value.removesuffix('e')}ed" for action in Action)
