"""Safe retries with a budget, so that they do not worsen an outage.

Only one layer may retry: do not enable retries here if the mesh retries (S2.2: two retries of GET at the gateway's
route). The budget limits the additional load if all calls fail: a share of the calls, plus a constant rate so that
clients with few calls can retry.
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
_TOO_MANY = 429  # retried only with Retry-After; a retry at a random time would add to the overload
_MAX_DIGITS = 9
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_BROKEN_OFF = (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError)


class Budget:
    """Retry budget: a token bucket filled by calls and by time.

    Args:
        ratio: Retries earned per call.
        trickle: Retries earned per second.
        most: Maximum number of saved retries.
        clock: Monotonic clock in seconds, for tests.
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
        """Add a first attempt's share to the budget."""
        self._left = min(self._most, self._left + self._ratio)

    def take(self) -> bool:
        """Take a retry from the budget; False if it is exhausted."""
        now = self._clock()
        self._left = min(self._most, self._left + (now - self._at) * self._trickle)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


@dataclass(frozen=True, slots=True)
class Retries:
    """Retry policy.

    Attributes:
        attempts: Maximum number of attempts, including the first.
        pause: Maximum backoff before the first retry, in seconds; doubled for each further retry. The actual backoff
            is random (full jitter).
        longest_pause: Upper limit of the backoff in seconds.
        longest_wait: Longest accepted Retry-After in seconds; a response that asks for more is not retried.
    """

    attempts: int = 2
    pause: float = 0.025
    longest_pause: float = 0.25
    longest_wait: float = 2.0


class RetryingTransport(httpx.AsyncBaseTransport):
    """Retries requests that were not sent, and failed GET, HEAD, OPTIONS requests and those with an Idempotency-Key.

    Requests with a streamed body are not retried. Retries respect the deadline, the budget and ``Retry-After``.

    Args:
        inner: Transport that makes a single attempt, with its span.
        retries: Retry policy.
        budget: Retry budget, shared by all clients of a service; a new one by default.
    """

    def __init__(self, inner: httpx.AsyncBaseTransport, retries: Retries, budget: Budget | None = None) -> None:
        self._inner = inner
        self._retries = retries
        self._budget = budget or Budget()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, at most ``attempts`` times.

        Raises:
            httpx.TransportError: The last attempt failed.
            deadline.DeadlineExceededError: The deadline passed; never retried.
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
        # The jitter is added to Retry-After, or all clients would return at the same time.
        pause = wait + random.uniform(0, limit)  # noqa: S311 - jitter, not cryptography
        left = deadline.remaining()
        if (left is not None and left <= pause) or not self._budget.take():
            return False
        await asyncio.sleep(pause)
        return True

    async def aclose(self) -> None:
        """Close the inner transport."""
        await self._inner.aclose()


def retry_after(response: httpx.Response) -> float | None:
    """``Retry-After`` in seconds, from a number or a date; None if it is missing or malformed."""
    text = response.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdecimal():
        return float(text) if len(text) <= _MAX_DIGITS else None
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, when.timestamp() - time()) if when.tzinfo is not None else None
