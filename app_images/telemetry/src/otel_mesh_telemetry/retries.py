"""Calling once more, where that is safe and cannot make an outage worse.

Only one layer may retry: behind a mesh that does (S2.2: two retries of GET at the gateway's route), leave it off
here. A budget bounds what retries add to the load when everything fails: a share of the calls, plus a trickle so
that a quiet client may retry at all.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from time import monotonic, time
from typing import TYPE_CHECKING

import httpx

from otel_mesh_telemetry import deadline

if TYPE_CHECKING:
    from collections.abc import Callable

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
RETRIED_STATUSES = frozenset({502, 503, 504})
_TOO_MANY = 429  # retried only where Retry-After says when: to ask at random would be part of the crowd
_MOST_DIGITS = 9
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_BROKEN_OFF = (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError)


class Budget:
    """How many retries are left.

    Args:
        ratio: retries per call that are allowed in the long run.
        trickle: retries per second that are allowed besides.
        most: retries that can be saved up.
        clock: seconds, for tests.
    """

    def __init__(
        self, ratio: float = 0.1, trickle: float = 0.5, most: float = 10.0, clock: Callable[[], float] = monotonic
    ) -> None:
        self._ratio = ratio
        self._trickle = trickle
        self._most = most
        self._clock = clock
        self._left = most
        self._at = clock()

    def called(self) -> None:
        """Count a call that is no retry."""
        self._left = min(self._most, self._left + self._ratio)

    def take(self) -> bool:
        """Whether one more retry may be made; if so, it is taken off."""
        now = self._clock()
        self._left = min(self._most, self._left + (now - self._at) * self._trickle)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


@dataclass(frozen=True, slots=True)
class Retries:
    """When to call once more.

    Attributes:
        attempts: calls in all, the first included.
        pause: seconds before the first retry at most; doubled each time, the real pause is drawn at random.
        longest_pause: seconds.
        longest_wait: seconds that the other side may ask for by Retry-After; where it wants more, its answer is final.
    """

    attempts: int = 2
    pause: float = 0.025
    longest_pause: float = 0.25
    longest_wait: float = 2.0


class RetryingTransport(httpx.AsyncBaseTransport):
    """Retries what is safe: a request that was never sent, and GET, HEAD, OPTIONS or one with an Idempotency-Key.

    Never beyond the deadline, never a streamed body, never when the budget is spent; not before ``Retry-After``.

    Args:
        inner: makes one attempt, and its span.
        retries: when.
        budget: shared by all that call the same service.
    """

    def __init__(self, inner: httpx.AsyncBaseTransport, retries: Retries, budget: Budget | None = None) -> None:
        self._inner = inner
        self._retries = retries
        self._budget = budget or Budget()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, at most ``attempts`` times.

        Raises:
            httpx.TransportError: of the last attempt.
            deadline.DeadlineExceededError: of the last attempt; never retried.
        """
        self._budget.called()
        safe = request.method in SAFE_METHODS or "idempotency-key" in request.headers
        attempt = 1
        while True:
            again = attempt < self._retries.attempts and isinstance(request.stream, httpx.ByteStream)
            try:
                response = await self._inner.handle_async_request(request)
            except _NOT_SENT:
                if not (again and await self._may_retry(attempt)):
                    raise
            except _BROKEN_OFF:
                if not (again and safe and await self._may_retry(attempt)):
                    raise
            else:
                wait = retry_after(response)
                wanted = response.status_code in RETRIED_STATUSES or (
                    response.status_code == _TOO_MANY and wait is not None
                )
                if not (again and safe and wanted and await self._may_retry(attempt, wait or 0.0)):
                    return response
                await response.aclose()
            request.extensions = {**request.extensions, "resend_count": attempt}
            attempt += 1

    async def _may_retry(self, attempt: int, wait: float = 0.0) -> bool:
        if wait > self._retries.longest_wait:
            return False
        limit = min(self._retries.pause * 2 ** (attempt - 1), self._retries.longest_pause)
        # On top of what the other side asked for, or all that it told would come back at once.
        pause = wait + random.uniform(0, limit)  # noqa: S311 - spreads retries, protects nothing
        left = deadline.remaining()
        if (left is not None and left <= pause) or not self._budget.take():
            return False
        await asyncio.sleep(pause)
        return True

    async def aclose(self) -> None:
        """Close the inner transport."""
        await self._inner.aclose()


def retry_after(response: httpx.Response) -> float | None:
    """Seconds that ``Retry-After`` asks to wait, as a number or a date; None where it is missing or malformed."""
    text = response.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdecimal():
        return float(text) if len(text) <= _MOST_DIGITS else None
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, when.timestamp() - time()) if when.tzinfo is not None else None
