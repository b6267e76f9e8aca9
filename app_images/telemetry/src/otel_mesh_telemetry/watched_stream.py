"""The body of an httpx response: held to the deadline, and watched until it is whole or broken off."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx

from otel_mesh_telemetry import deadline

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    Done = Callable[[BaseException | None], None]


class WatchedStream(httpx.AsyncByteStream):
    """A body that must arrive before the deadline, however slowly its pieces drip.

    Args:
        inner: the body.
        done: called once, when the body is whole or closed, or with what it failed by.
    """

    def __init__(self, inner: httpx.AsyncByteStream, done: Done) -> None:
        self._inner = inner
        self._done: Done | None = done

    def _finish(self, exception: BaseException | None = None) -> None:
        done, self._done = self._done, None
        if done is not None:
            done(exception)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        pieces = aiter(self._inner)
        while True:
            try:
                piece = await self._next(pieces)
            except StopAsyncIteration:
                self._finish()
                return
            except BaseException as exception:
                self._finish(exception)
                raise
            yield piece

    async def _next(self, pieces: AsyncIterator[bytes]) -> bytes:
        left = deadline.remaining()
        if left is None:
            return await anext(pieces)
        try:
            async with asyncio.timeout(max(0.0, left)) as scope:
                return await anext(pieces)
        except (TimeoutError, httpx.TimeoutException) as error:
            if not scope.expired() and (deadline.remaining() or 0.0) > 0:
                raise  # a timeout of the client's own came first
            raise deadline.DeadlineExceededError("the answer did not arrive in time") from error

    async def aclose(self) -> None:
        """Close the inner body."""
        try:
            await self._inner.aclose()
        finally:
            self._finish()

    def __del__(self) -> None:
        # Of a response that nobody read or closed.
        self._finish()
