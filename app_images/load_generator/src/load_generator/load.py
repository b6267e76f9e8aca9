"""Requests at a constant rate (open loop): each is sent when due, regardless of earlier responses."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

import httpx

from otel_mesh_telemetry.deadline import DeadlineExceededError

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider

    from load_generator.requests import Mix, Request

_log = logging.getLogger(__name__)
_CAUGHT_UP_S = 1.0
"""Maximum delay in seconds after which a due request is still sent, in case the machine was busy."""


@dataclass(frozen=True)
class Bounds:
    """Limits of a run.

    Attributes:
        rate: Requests per second.
        duration: Duration of the run in seconds.
        in_flight: Maximum number of concurrent requests. Requests due beyond it are skipped and counted, so that a slow
            service does not exhaust the generator's memory.
    """

    rate: float
    duration: float
    in_flight: int


@dataclass
class Totals:
    """Number of requests by outcome; at the end, ``sent`` is the sum of ``ok`` and ``failed``.

    Attributes:
        sent: Requests sent.
        ok: Requests with an expected response.
        failed: Requests with an unexpected response or none.
        skipped: Requests that were due but not sent.
    """

    sent: int = 0
    ok: int = 0
    failed: int = 0
    skipped: int = 0

    def __str__(self) -> str:
        return f"sent={self.sent} ok={self.ok} failed={self.failed} skipped={self.skipped}"


class Load:
    """A run of the load generator.

    Args:
        client: HTTP client, which starts a trace per request.
        mix: Source of the requests.
        bounds: Limits of the run.
        meter_provider: Provider of the meter.

    Attributes:
        totals: Number of requests by outcome.
    """

    def __init__(self, client: httpx.AsyncClient, mix: Mix, bounds: Bounds, meter_provider: MeterProvider) -> None:
        self._client, self._mix, self._bounds = client, mix, bounds
        self.totals = Totals()
        self._stopped = asyncio.Event()
        meter = meter_provider.get_meter("load_generator")
        self._sent = meter.create_counter("load.requests.sent", unit="{request}", description="Requests sent.")
        self._completed = meter.create_counter(
            "load.requests.completed", unit="{request}", description="Completed requests, by outcome."
        )
        self._skipped = meter.create_counter(
            "load.requests.skipped", unit="{request}", description="Requests that were due but not sent."
        )

    def stop(self) -> None:
        """Stop sending; `run` still waits for the requests in flight."""
        self._stopped.set()

    async def run(self) -> Totals:
        """Send requests until the duration has elapsed or `stop` is called, and wait for the last response."""
        began = monotonic()
        running: set[asyncio.Task[None]] = set()
        async with asyncio.TaskGroup() as tasks:
            for number in range(round(self._bounds.rate * self._bounds.duration)):
                await self._pause(began + number / self._bounds.rate - monotonic())
                if self._stopped.is_set():
                    break
                request = self._mix.next()
                is_late = monotonic() - began > self._bounds.duration + _CAUGHT_UP_S
                if is_late or len(running) >= self._bounds.in_flight:
                    self.totals.skipped += 1
                    self._skipped.add(1)
                    continue
                task = tasks.create_task(self._send(request))
                running.add(task)
                task.add_done_callback(running.discard)
        return self.totals

    async def _pause(self, seconds: float) -> None:
        if seconds > 0:
            try:
                async with asyncio.timeout(seconds):
                    await self._stopped.wait()
            except TimeoutError:
                pass  # the usual case: the next request is due

    async def _send(self, request: Request) -> None:
        kind = {"http.request.method": request.method, "url.template": request.template}
        self.totals.sent += 1
        self._sent.add(1, kind)
        try:
            response = await self._client.request(
                request.method,
                request.path,
                json=request.body,
                headers=request.headers,
                extensions={"url_template": request.template},
            )
            is_ok, reason = response.status_code in request.good, str(response.status_code)
        except (httpx.HTTPError, DeadlineExceededError) as error:
            is_ok, reason = False, type(error).__name__
        if is_ok:
            self.totals.ok += 1
        else:
            self.totals.failed += 1
            _log.warning("%s %s: %s", request.method, request.template, reason)
        self._completed.add(1, {**kind, "outcome": "ok" if is_ok else "failed"})
