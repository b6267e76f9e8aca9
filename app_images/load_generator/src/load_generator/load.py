"""Requests at a steady rate, sent when they are due whatever became of those before."""

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

    from load_generator.requests import Asked, Mix

_log = logging.getLogger(__name__)
_CAUGHT_UP_S = 1.0
"""What was due in time is sent this much later at most, when the machine was busy with something else."""


@dataclass(frozen=True)
class Bounds:
    """What a run may not exceed.

    Attributes:
        rate: requests per second.
        duration: seconds; nothing is sent afterwards.
        in_flight: requests that wait for their answer at a time. What is due above that is skipped, and counted: a
            service that answers slowly must not make the generator hold ever more.
    """

    rate: float
    duration: float
    in_flight: int


@dataclass
class Totals:
    """What became of the requests: every one that was sent is ok or failed in the end.

    Attributes:
        sent: that left.
        ok: that were answered as they should be.
        failed: that were answered otherwise, or not at all.
        skipped: that were due, but not sent.
    """

    sent: int = 0
    ok: int = 0
    failed: int = 0
    skipped: int = 0

    def __str__(self) -> str:
        return f"sent={self.sent} ok={self.ok} failed={self.failed} skipped={self.skipped}"


class Load:
    """One run.

    Args:
        client: that sends, and makes a trace of each request.
        mix: of requests.
        bounds: of the run.
        meter_provider: where it counts.
    """

    def __init__(self, client: httpx.AsyncClient, mix: Mix, bounds: Bounds, meter_provider: MeterProvider) -> None:
        self._client, self._mix, self._bounds = client, mix, bounds
        self.totals = Totals()
        self._stopped = asyncio.Event()
        meter = meter_provider.get_meter("load_generator")
        self._sent = meter.create_counter(
            "load.requests.sent", unit="{request}", description="Requests that were sent."
        )
        self._answered = meter.create_counter(
            "load.requests.completed", unit="{request}", description="Requests by what became of them."
        )
        self._skipped = meter.create_counter(
            "load.requests.skipped", unit="{request}", description="Requests that were due, but not sent."
        )

    def stop(self) -> None:
        """Send nothing more; what is under way is waited for."""
        self._stopped.set()

    async def run(self) -> Totals:
        """Send until the time is over or `stop` is called, and wait for the last answer."""
        began = monotonic()
        running: set[asyncio.Task[None]] = set()
        async with asyncio.TaskGroup() as tasks:
            for number in range(round(self._bounds.rate * self._bounds.duration)):
                await self._pause(began + number / self._bounds.rate - monotonic())
                if self._stopped.is_set():
                    break
                asked = self._mix.next()
                is_late = monotonic() - began > self._bounds.duration + _CAUGHT_UP_S
                if is_late or len(running) >= self._bounds.in_flight:
                    self.totals.skipped += 1
                    self._skipped.add(1)
                    continue
                task = tasks.create_task(self._send(asked))
                running.add(task)
                task.add_done_callback(running.discard)
        return self.totals

    async def _pause(self, seconds: float) -> None:
        if seconds > 0:
            try:
                async with asyncio.timeout(seconds):
                    await self._stopped.wait()
            except TimeoutError:
                pass  # the usual case: it is due now

    async def _send(self, asked: Asked) -> None:
        kind = {"http.request.method": asked.method, "url.template": asked.template}
        self.totals.sent += 1
        self._sent.add(1, kind)
        try:
            answer = await self._client.request(
                asked.method,
                asked.path,
                json=asked.body,
                headers=asked.headers,
                extensions={"url_template": asked.template},
            )
            is_ok, reason = answer.status_code in asked.good, str(answer.status_code)
        except (httpx.HTTPError, DeadlineExceededError) as error:
            is_ok, reason = False, type(error).__name__
        if is_ok:
            self.totals.ok += 1
        else:
            self.totals.failed += 1
            _log.warning("%s %s: %s", asked.method, asked.template, reason)
        self._answered.add(1, {**kind, "outcome": "ok" if is_ok else "failed"})
