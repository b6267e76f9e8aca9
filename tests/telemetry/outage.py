"""A service under load while its Collector goes away and comes back: for a test and for bench/collector_outage.py."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psutil

from tests.telemetry.real_collector import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.telemetry.real_collector import RealCollector

CONNECTIONS = 20
AWAY = {"gone": (signal.SIGKILL, None), "stalled": (signal.SIGSTOP, signal.SIGCONT)}
"""How a Collector is away, and what brings it back; None: it is started again."""


@dataclass
class Load:
    """What a phase of load saw."""

    failed: int = 0
    seconds: list[float] = field(default_factory=list)

    def percentile(self, share: float) -> float:
        """Seconds that this share of the requests stayed below."""
        return sorted(self.seconds)[int(len(self.seconds) * share)]


@contextmanager
def service(collector: RealCollector, **environment: str) -> Iterator[tuple[int, psutil.Process]]:
    """The service as a process: its port and the process."""
    port = free_port()
    base = {key: value for key, value in os.environ.items() if not key.startswith("OTEL_")}
    settings = {
        "OTEL_SERVICE_NAME": "outage",
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint,
        "OTEL_METRIC_EXPORT_INTERVAL": "1000",
        "LOG_LEVEL": "ERROR",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.telemetry.outage_service", str(port)],
        env={**base, **settings, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        asyncio.run(_listening(port))
        yield port, psutil.Process(process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


async def _listening(port: int) -> None:
    end = time.monotonic() + 20
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            assert time.monotonic() < end
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return


async def load(port: int, rate: float, seconds: float) -> Load:
    """Send requests at a steady rate over a fixed number of connections."""
    result = Load()
    end = time.monotonic() + seconds

    async def connection(number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        due = time.monotonic() + number / rate
        while due < end:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            began = time.perf_counter()
            writer.write(b"GET /users/7 HTTP/1.1\r\nHost: shop\r\n\r\n")
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
            result.seconds.append(time.perf_counter() - began)
            result.failed += not head.startswith(b"HTTP/1.1 200")
            due += CONNECTIONS / rate
        writer.close()

    for outcome in await asyncio.gather(*map(connection, range(CONNECTIONS)), return_exceptions=True):
        result.failed += isinstance(outcome, BaseException)
    return result


def outage(collector: RealCollector, how: str, rate: float, seconds: float, **environment: str) -> dict[str, Any]:
    """Load before, during and after an outage, as long each; what the requests, the memory and the Collector saw."""
    away, back = AWAY[how]
    with service(collector, **environment) as (port, process):
        asyncio.run(load(port, rate, 2))  # warm up
        before = asyncio.run(load(port, rate, seconds))
        memory_before = process.memory_info().rss
        collector.signal(away)
        during = asyncio.run(load(port, rate, seconds))
        memory_during = process.memory_info().rss
        if back is None:
            collector.start()
        else:
            collector.signal(back)
        returned = time.time_ns()
        after = asyncio.run(load(port, rate, seconds))
        memory_after = process.memory_info().rss
    return {
        "before": before,
        "during": during,
        "after": after,
        "memory": (memory_before, memory_during, memory_after),
        "spans after": [span for span in collector.spans() if int(span["startTimeUnixNano"]) > returned],
        "dropped": dropped(collector),
    }


def dropped(collector: RealCollector) -> dict[str, int]:
    """Spans lost, as the service counts them: its queue was full, or the export of their batch failed."""
    lost = {"queue": "otel.sdk.processor.span.processed", "export": "otel.sdk.exporter.span.exported"}
    return {
        why: max(
            (
                int(point["asInt"])
                for point in collector.points(metric)
                if any(attribute["key"] == "error.type" for attribute in point["attributes"])
            ),
            default=0,
        )
        for why, metric in lost.items()
    }
