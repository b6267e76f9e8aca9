"""Enforcement of the deadline on awaited code."""

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
    """Cancel the code inside when the deadline passes; without a deadline it is not limited.

    Args:
        what: Name of the called system, for error messages.
        error: Exception raised when the deadline has passed, before or while the code inside runs.

    Raises:
        deadline.DeadlineExceededError: The deadline has passed; the class is ``error``.
    """
    left = deadline.remaining()
    if left is None:
        yield
        return
    if left <= 0:
        raise error(f"{what}: deadline exceeded before the call")
    try:
        async with asyncio.timeout(left) as scope:
            yield
    except TimeoutError as raised:
        if not scope.expired():
            raise  # raised by a timeout inside the code
        raise error(f"{what}: no response within the deadline") from raised
