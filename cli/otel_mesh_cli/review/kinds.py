"""Kinds of risk, and one risk of a change."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """What a risk is about, worst first."""

    DATA = "deletes or replaces data"
    BREAKS = "breaks calls"
    OPENS = "opens access"
    MTLS = "weakens mTLS"
    LEAVES = "leaves the mesh"
    FAULT = "reaches production with a fault"
    GUARD = "opens one of two guards"
    TELEMETRY = "loses telemetry"
    RETRIES = "multiplies retries"
    TRAFFIC = "moves traffic"
    CAPACITY = "changes capacity"
    VERSION = "changes a version"
    RESTARTS = "restarts pods"


SEVERE: Final = frozenset({Kind.DATA, Kind.BREAKS, Kind.OPENS, Kind.MTLS, Kind.LEAVES, Kind.FAULT})
"""Kinds that a reviewer has to accept on purpose."""


@dataclass(frozen=True)
class Risk:
    """A risk of a change.

    Attributes:
        kind: What it is about.
        subject: What it concerns: a workload, a scope, an object.
        before: How it was, in words.
        after: How it will be, in words.
        reason: Why that matters.
    """

    kind: Kind
    subject: str
    before: str
    after: str
    reason: str
