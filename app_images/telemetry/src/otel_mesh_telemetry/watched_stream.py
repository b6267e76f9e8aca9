"""An httpx response body with a deadline and a callback at its end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx

from otel_mesh_telemetry import deadline

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    Done = Callable[[BaseException | None], None]


class WatchedStream(httpx.AsyncByteStream):
    """A response body that must arrive before the deadline, even if its chunks arrive slowly.

    Args:
        inner: Wrapped body.
        done: Callback, called once: with None when the body is complete or closed, or with the exception it failed
            with.
    """

    def __init__(self, inner: httpx.AsyncByteStream, done: Done) -> None:
        self._inner = inner
        self._done: Done | None = done

    def _finish(self, exception: BaseException | None = None) -> None:
        done, self._done = self._done, None
        if done is not None:
            done(exception)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        chunks = aiter(self._inner)
        while True:
            try:
                chunk = await self._next(chunks)
            except StopAsyncIteration:
                self._finish()
                return
            except BaseException as exception:
                self._finish(exception)
                raise
            yield chunk

    async def _next(self, chunks: AsyncIterator[bytes]) -> bytes:
        left = deadline.remaining()
        if left is None:
            return await anext(chunks)
        try:
            async with asyncio.timeout(max(0.0, left)) as scope:
                return await anext(chunks)
        except (TimeoutError, httpx.TimeoutException) as error:
            if not scope.expired() and (deadline.remaining() or 0.0) > 0:
                raise  # raised by one of the client's own timeouts
            raise deadline.DeadlineExceededError("the response body did not arrive within the deadline") from error

    async def aclose(self) -> None:
        """Close the inner body."""
        try:
            await self._inner.aclose()
        finally:
            self._finish()

    def __del__(self) -> None:
        # The response was neither read nor closed.
        self._finish()
