"""The body of an httpx response, held to the deadline."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx

from otel_mesh_telemetry import deadline

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class BoundedStream(httpx.AsyncByteStream):
    """A body that must arrive before the deadline, however slowly its pieces drip."""

    def __init__(self, inner: httpx.AsyncByteStream) -> None:
        self._inner = inner

    async def __aiter__(self) -> AsyncIterator[bytes]:
        pieces = aiter(self._inner)
        while True:
            left = deadline.remaining()
            try:
                async with asyncio.timeout(None if left is None else max(0.0, left)):
                    piece = await anext(pieces)
            except StopAsyncIteration:
                return
            except TimeoutError as error:
                raise deadline.DeadlineExceededError("the answer did not arrive in time") from error
            yield piece

    async def aclose(self) -> None:
        """Close the inner body."""
        await self._inner.aclose()
