"""Findings of the offline checks that a change introduces; the base's own are only counted."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otel_mesh.check.findings import Finding

_POSITION: Final = re.compile(r"\[\d+\]")


@dataclass(frozen=True)
class Findings:
    """Findings of both versions, told apart.

    Attributes:
        introduced: Findings that the proposed version has and the base has not, the worst first.
        kept: Number of findings of both.
        resolved: Number of findings of the base that the change resolves.
    """

    introduced: tuple[Finding, ...]
    kept: int
    resolved: int


def findings(before: Iterable[Finding], after: Iterable[Finding]) -> Findings:
    """Tell apart what a change introduces, keeps and resolves.

    Positions in lists do not count: an entry that is inserted moves those behind it.

    Args:
        before: Findings in the base.
        after: Findings in the proposed version.
    """
    left = Counter(map(_key, before))
    introduced, kept = [], 0
    for one in after:
        if left[_key(one)]:
            left[_key(one)] -= 1
            kept += 1
        else:
            introduced.append(one)
    return Findings(tuple(introduced), kept, left.total())


def _key(finding: Finding) -> tuple[str, str, str, str, str]:
    path = _POSITION.sub("[]", finding.path)
    return (finding.code.id, finding.severity.value, str(finding.object), path, finding.message)
