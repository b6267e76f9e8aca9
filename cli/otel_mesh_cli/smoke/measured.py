"""What Prometheus has by now, where it is asked by its loopback address."""

from __future__ import annotations

import time
from typing import Any

import httpx

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.stacks.addresses import PROMETHEUS

_CLOCK_SLACK_S = 1.0


def exemplars(http: httpx.Client, histogram: str, since: float) -> set[str]:
    """The trace ids that the histogram links to.

    A counter alone would not tell whether this very request was counted: it starts again with its process.

    Args:
        http: the client.
        histogram: with its labels: ``NAME_bucket{...}``.
        since: seconds since the epoch.

    Raises:
        CommandError: Prometheus could not be asked.
    """
    window = {"start": f"{since - _CLOCK_SLACK_S:.3f}", "end": f"{time.time() + _CLOCK_SLACK_S:.3f}"}
    series = _ask(http, "query_exemplars", {"query": histogram, **window})
    return {exemplar["labels"]["trace_id"] for one in series for exemplar in one["exemplars"]}


def query(http: httpx.Client, expression: str) -> float:
    """The value of an expression that has one sample, 0 when it has none.

    Raises:
        CommandError: Prometheus could not be asked.
    """
    samples = _ask(http, "query", {"query": expression})["result"]
    return float(samples[0]["value"][1]) if samples else 0.0


def _ask(http: httpx.Client, function: str, parameters: dict[str, str]) -> Any:  # noqa: ANN401 -- JSON
    try:
        answer = http.get(f"{PROMETHEUS.url}/api/v1/{function}", params=parameters)
        answer.raise_for_status()
    except httpx.HTTPError as error:
        raise CommandError(f"{PROMETHEUS.url}: {error}", remedy="see `make status`") from error
    return answer.json()["data"]
