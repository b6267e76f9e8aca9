"""The verdict of a gate on a canary."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from otel_mesh import Gate
    from otel_mesh_cli.canary.measuring import Measured


class Outcome(StrEnum):
    """What a gate says."""

    PASSED = "passed"
    """The canary may have more requests."""
    WAITING = "waiting"
    """Too few requests to decide."""
    FAILED = "failed"
    """The canary is worse than the stable version."""


@dataclass(frozen=True)
class Verdict:
    """What a gate says, and why."""

    outcome: Outcome
    reasons: tuple[str, ...]
    """One sentence per condition that is not met; empty if all are."""


def judge(gate: Gate, stable: Measured, canary: Measured) -> Verdict:
    """Compare a canary with the version beside it.

    Args:
        gate: Conditions.
        stable: What the stable version did.
        canary: What the canary did.
    """
    if canary.requests < gate.min_requests:
        few = f"the canary served {canary.requests} of {gate.min_requests} requests in {gate.window}"
        return Verdict(Outcome.WAITING, (few,))
    reasons = [*_errors(gate, stable, canary), *_latency(gate, stable, canary)]
    return Verdict(Outcome.FAILED if reasons else Outcome.PASSED, tuple(reasons))


def _errors(gate: Gate, stable: Measured, canary: Measured) -> list[str]:
    allowed = stable.error_share + gate.max_error_share_increase
    if canary.error_share <= allowed:
        return []
    limit = f"{allowed:.1%} (stable {stable.error_share:.1%} + {gate.max_error_share_increase:.1%})"
    return [f"{canary.error_share:.1%} of the canary's requests fail, above {limit}"]


def _latency(gate: Gate, stable: Measured, canary: Measured) -> list[str]:
    if canary.latency_s is None or stable.latency_s is None:  # the stable version has no requests to compare with
        return []
    allowed = stable.latency_s * gate.max_latency_ratio
    if canary.latency_s <= allowed:
        return []
    limit = f"{allowed * 1000:.0f} ms (stable {stable.latency_s * 1000:.0f} ms x {gate.max_latency_ratio:g})"
    return [f"p{gate.latency_percentile:g} of the canary is {canary.latency_s * 1000:.0f} ms, above {limit}"]
