"""Requests at a steady rate, and how long each took."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

CONNECTIONS = 20


@dataclass
class Load:
    """What requests saw."""

    failed: int = 0
    seconds: list[float] = field(default_factory=list)

    def percentile(self, share: float) -> float:
        """Seconds that this share of the requests stayed below."""
        return sorted(self.seconds)[int(len(self.seconds) * share)]

    def add(self, other: Load) -> None:
        """Count another load's requests too."""
        self.failed += other.failed
        self.seconds += other.seconds


async def load(port: int, rate: float, seconds: float) -> Load:
    """Send requests over a fixed number of connections.

    A request that is answered late does not hold back the others: each connection has its own times, so the rate
    holds as long as answers take less than `CONNECTIONS` / `rate` seconds.

    Args:
        port: of loopback.
        rate: requests per second, all connections together.
        seconds: for how long.
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
