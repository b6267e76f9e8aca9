"""Sampled requests through the gateway at a steady rate, and what became of their traces."""

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
"""How long after the last request a trace may still become whole."""

DROPS: Final = {
    "services": 'sum(otel_sdk_processor_span_processed_total{error_type!=""})'
    ' + sum(otel_sdk_exporter_span_exported_total{error_type!=""})',
    "Collectors": "sum(otelcol_receiver_refused_spans_total) + sum(otelcol_exporter_send_failed_spans_total)"
    " + sum(otelcol_exporter_enqueue_failed_spans_total)",
}
"""Spans lost, by who counts them; a counter that nobody has increased yet does not exist."""


@dataclass
class Sent:
    """Requests and how they ended.

    Attributes:
        whole: trace ids of those answered with 200.
        failed: of the others, how many.
        seconds: that each took.
    """

    whole: list[str] = field(default_factory=list)
    failed: int = 0
    seconds: list[float] = field(default_factory=list)


async def send(rate: float, seconds: float) -> Sent:
    """Send requests, each when it is due, whether the one before was answered or not.

    Args:
        rate: requests a second.
        seconds: for how long.
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
    """The traces that did not become what the catalogue predicts, each with what it lacks."""
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
    """What a trace lacks; requests that come together share one look into cache and database, in one's trace."""
    return [one for one in request.problems(spans) if not one.startswith(expected.MISSING_STORE)]


def dropped() -> dict[str, float]:
    """Spans lost since the services and Collectors started, by who counts them."""
    with request.client() as http:
        return {who: measured.query(http, expression) for who, expression in DROPS.items()}
