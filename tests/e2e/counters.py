"""How much counters in Prometheus have grown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from otel_mesh_cli.oncall.backends import at_address
from otel_mesh_cli.oncall.prometheus import Prometheus
from otel_mesh_cli.stacks.addresses import PROMETHEUS

if TYPE_CHECKING:
    import httpx


LIVING_S = 45
"""Seconds within which the local stack's services and Collector export each of their counters again."""


@dataclass(frozen=True)
class Growth:
    """Growth of counters since a moment, one by one, of those still exported.

    Prometheus answers with a counter for five minutes after its last sample. A sum would fall back when the counters of
    a pod that has gone fade out; and a container restarted in its pod counts from zero under the labels of the former.

    Attributes:
        http: The client.
        counters: Selector of the counters.
        before: Their values at that moment, by labels.
    """

    http: httpx.Client
    counters: str
    before: dict[frozenset[tuple[str, str]], float]

    def found(self) -> dict[frozenset[tuple[str, str]], float]:
        """Their values now."""
        return _values(self.http, self.counters)

    def now(self) -> float:
        """Growth of all counters."""
        return sum(_growth(self.before.get(labels, 0.0), value) for labels, value in self.found().items())


def _growth(before: float, now: float) -> float:
    """Growth of one counter; one that is lower has begun again from zero."""
    return now - before if now >= before else now


def growth(http: httpx.Client, counters: str) -> Growth:
    """Growth of counters from now on.

    Args:
        http: The client.
        counters: Selector of the counters.
    """
    return Growth(http, counters, _values(http, counters))


def _values(http: httpx.Client, counters: str) -> dict[frozenset[tuple[str, str]], float]:
    living = f"{counters} and time() - timestamp({counters}) < {LIVING_S}"
    found = Prometheus(at_address(http, PROMETHEUS)).samples(living)
    return {frozenset(labels.items()): value for labels, value in found}
