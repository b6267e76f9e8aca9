"""How much counters in Prometheus have grown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from otel_mesh_cli.oncall.backends import at_address
from otel_mesh_cli.oncall.prometheus import Prometheus
from otel_mesh_cli.stacks.addresses import PROMETHEUS

if TYPE_CHECKING:
    import httpx


@dataclass(frozen=True)
class Growth:
    """Growth of counters since a moment, one by one.

    Their sum would fall back when the counters of a pod that has gone fade out of Prometheus, five minutes after it.

    Attributes:
        http: The client.
        counters: Query of the counters.
        before: Their values at that moment, by labels.
    """

    http: httpx.Client
    counters: str
    before: dict[frozenset[tuple[str, str]], float]

    def now(self) -> float:
        """Growth of all counters."""
        found = _values(self.http, self.counters)
        return sum(max(0.0, value - self.before.get(labels, 0.0)) for labels, value in found.items())


def growth(http: httpx.Client, counters: str) -> Growth:
    """Growth of counters from now on.

    Args:
        http: The client.
        counters: Query of the counters.
    """
    return Growth(http, counters, _values(http, counters))


def _values(http: httpx.Client, counters: str) -> dict[frozenset[tuple[str, str]], float]:
    found = Prometheus(at_address(http, PROMETHEUS)).samples(counters)
    return {frozenset(labels.items()): value for labels, value in found}
