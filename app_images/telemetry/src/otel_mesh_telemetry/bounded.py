"""Waiting no longer than the deadline allows."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from otel_mesh_telemetry import deadline

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@contextlib.asynccontextmanager
async def bounded(
    what: str, error: type[deadline.DeadlineExceededError] = deadline.DeadlineExceededError
) -> AsyncIterator[None]:
    """Hold the code inside to what is left of the deadline; where there is none, to nothing.

    Args:
        what: is waited for, as messages name it.
        error: raised when the time is over, before the code inside or in the middle of it.

    Raises:
        deadline.DeadlineExceededError: as ``error`` says.
    """
    left = deadline.remaining()
    if left is None:
        yield
        return
    if left <= 0:
        raise error(f"{what}: no time left for the call")
    try:
        async with asyncio.timeout(left) as scope:
            yield
    except TimeoutError as raised:
        if not scope.expired():
            raise  # a timeout of the code's own came first
        raise error(f"{what}: no answer in time") from raised
