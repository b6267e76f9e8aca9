"""Kinds of risk, and one risk of a change."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable


class Kind(StrEnum):
    """What a risk is about, worst first."""

    DATA = "deletes or replaces data"
    BREAKS = "breaks calls"
    STOPS = "stops a workload"
    OPENS = "opens access"
    MTLS = "weakens mTLS"
    LEAVES = "leaves the mesh"
    FAULT = "reaches production with a fault"
    GUARD = "opens one of two guards"
    TELEMETRY = "loses telemetry"
    RETRIES = "multiplies retries"
    TRAFFIC = "moves traffic"
    SECRET = "reads another Secret"  # noqa: S105 - not a password
    CAPACITY = "changes capacity"
    VERSION = "changes a version"
    RESTARTS = "restarts pods"


SEVERE: Final = frozenset({Kind.DATA, Kind.BREAKS, Kind.STOPS, Kind.OPENS, Kind.MTLS, Kind.LEAVES, Kind.FAULT})
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
        one: Clause of the verdict if it is the only risk with its ``many``.
        many: Clause of the verdict for several such risks, with ``{}`` for their number.
    """

    kind: Kind
    subject: str
    before: str
    after: str
    reason: str
    one: str
    many: str


@dataclass(frozen=True)
class Group:
    """Risks that differ in their subject only, and restarts for several reasons.

    Attributes:
        risks: The risks.
    """

    risks: tuple[Risk, ...]

    @property
    def first(self) -> Risk:
        """The first risk."""
        return self.risks[0]

    @property
    def subjects(self) -> tuple[str, ...]:
        """Subjects of all."""
        return tuple(one.subject for one in self.risks)

    @property
    def reason(self) -> str:
        """Reason of all; of several reasons the most frequent."""
        reasons = Counter(one.reason for one in self.risks)
        (reason, _), *others = reasons.most_common()
        return f"{reason}; or others, see their diffs" if others else reason


def grouped(risks: Iterable[Risk]) -> tuple[Group, ...]:
    """Risks with those that say the same of other subjects, in the order of the first of each group.

    Args:
        risks: Risks in any order.
    """
    found: dict[tuple[str, ...], list[Risk]] = {}
    for one in risks:
        reason = "" if one.kind is Kind.RESTARTS else one.reason
        found.setdefault((one.kind, one.before, one.after, reason), []).append(one)
    return tuple(Group(tuple(same)) for same in found.values())
