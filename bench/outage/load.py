"""Requests at a constant rate, and their durations."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

CONNECTIONS = 20


@dataclass
class Load:
    """Results of requests."""

    failed: int = 0
    seconds: list[float] = field(default_factory=list)

    def percentile(self, share: float) -> float:
        """The quantile of the durations in seconds."""
        return sorted(self.seconds)[int(len(self.seconds) * share)]

    def add(self, other: Load) -> None:
        """Adds the results of another load."""
        self.failed += other.failed
        self.seconds += other.seconds


async def load(port: int, rate: float, seconds: float) -> Load:
    """Sends requests over a fixed number of connections.

    A late response does not delay the other connections: each connection has its own schedule. The rate is kept
    as long as responses take less than `CONNECTIONS` / `rate` seconds.

    Args:
        port: Port of the service on loopback.
        rate: Requests per second over all connections.
        seconds: Duration of the load.
    """
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
