"""What Prometheus has by now, at its loopback address."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from otel_mesh_cli.oncall import backends
from otel_mesh_cli.stacks.addresses import PROMETHEUS

if TYPE_CHECKING:
    import httpx

_CLOCK_SLACK_S = 1.0


def exemplars(http: httpx.Client, histogram: str, since: float) -> set[str]:
    """The trace ids that a histogram links to.

    A counter alone would not show that one particular request was counted: it starts again with its process.

    Args:
        http: The client.
        histogram: Series with its labels: ``NAME_bucket{...}``.
        since: Seconds since the epoch.

    Raises:
        CommandError: Prometheus does not answer.
    """
    window = {"start": f"{since - _CLOCK_SLACK_S:.3f}", "end": f"{time.time() + _CLOCK_SLACK_S:.3f}"}
    series = _ask(http, "query_exemplars", {"query": histogram, **window})
    return {exemplar["labels"]["trace_id"] for one in series for exemplar in one["exemplars"]}


def query(http: httpx.Client, expression: str) -> float:
    """The value of an expression with one sample; 0 without samples.

    Raises:
        CommandError: Prometheus does not answer.
    """
    samples = _ask(http, "query", {"query": expression})["result"]
    return float(samples[0]["value"][1]) if samples else 0.0


def _ask(http: httpx.Client, function: str, parameters: dict[str, str]) -> Any:  # noqa: ANN401 -- JSON
    return backends.at_address(http, PROMETHEUS).json(f"/api/v1/{function}", parameters)["data"]
