"""Sampled requests through the gateway at a constant rate, and the completeness of their traces."""

from __future__ import annotations

import asyncio
import secrets
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import httpx

from otel_mesh_cli.oncall import traces
from otel_mesh_cli.smoke import expected, measured, request
from otel_mesh_cli.stacks.addresses import GATEWAY, JAEGER

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from otel_mesh_cli.oncall.traces import Span

ARRIVED_S: Final = 60.0
"""Seconds after the last request within which a trace must be complete."""

DROPS: Final = {
    "services": 'sum(otel_sdk_processor_span_processed_total{error_type!=""})'
    ' + sum(otel_sdk_exporter_span_exported_total{error_type!=""})',
    "Collectors": "sum(otelcol_receiver_refused_spans_total) + sum(otelcol_exporter_send_failed_spans_total)"
    " + sum(otelcol_exporter_enqueue_failed_spans_total)",
}
"""Queries for lost spans by reporting side; a counter does not exist before its first increment."""


@dataclass
class Sent:
    """Results of the requests.

    Attributes:
        whole: Trace ids of requests answered with 200.
        failed: Number of other requests.
        seconds: Duration of each answered request.
    """

    whole: list[str] = field(default_factory=list)
    failed: int = 0
    seconds: list[float] = field(default_factory=list)


async def send(rate: float, seconds: float) -> Sent:
    """Sends requests at a constant rate without waiting for earlier responses.

    Args:
        rate: Requests per second.
        seconds: Duration of the load.
    """
    sent = Sent()
    async with httpx.AsyncClient(trust_env=False, timeout=15.0, limits=httpx.Limits(max_connections=50)) as http:

        async def one() -> None:
            trace_id = secrets.token_hex(16)
            began = time.perf_counter()
            headers = {"traceparent": f"00-{trace_id}-{secrets.token_hex(8)}-01"}
            try:
                answer = await http.get(f"{GATEWAY.url}{request.PATH}", headers=headers)
            except httpx.HTTPError:
                sent.failed += 1
                return
            sent.seconds.append(time.perf_counter() - began)
            if answer.status_code == HTTPStatus.OK:
                sent.whole.append(trace_id)
            else:
                sent.failed += 1

        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for number in range(int(rate * seconds)):
                await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
                group.create_task(one())
    return sent


def incomplete(trace_ids: Iterable[str]) -> dict[str, list[str]]:
    """Traces that differ from the catalog's prediction, each with its missing parts."""
    left = {key: ["has not arrived"] for key in trace_ids}
    end = time.monotonic() + ARRIVED_S
    with request.client() as http:
        while left and time.monotonic() < end:
            for trace_id in list(left):
                spans = traces.fetch(http, JAEGER.url, trace_id)
                lacks = _lacks(spans) if spans else ["has not arrived"]
                if lacks:
                    left[trace_id] = lacks
                else:
                    del left[trace_id]
            time.sleep(1.0 if left else 0.0)
    return left


def _lacks(spans: Sequence[Span]) -> list[str]:
    """Missing parts of a trace; store calls may be in the trace of a concurrent request that shared the lookup."""
    return [one for one in request.problems(spans) if not one.startswith(expected.MISSING_STORE)]


def dropped() -> dict[str, float]:
    """Spans lost since the start of the services and Collectors, by reporting side."""
    with request.client() as http:
        return {who: measured.query(http, expression) for who, expression in DROPS.items()}
