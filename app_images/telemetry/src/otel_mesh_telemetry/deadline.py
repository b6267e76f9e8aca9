"""The time by which an answer must be there, shrinking from hop to hop.

A request enters with the milliseconds its caller still waits (:data:`HEADER`), never more than :data:`CEILING`;
every call made while it is handled gets at most what is left, and is told so in the same header.
"""

from __future__ import annotations

import contextlib
from contextvars import ContextVar
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextvars import Token

HEADER = "x-request-timeout-ms"
"""Milliseconds that the caller still waits. From a stranger it can only shorten the time, so it needs no trust."""

CEILING = 30.0
"""Seconds that a request may take at most, whatever its caller says."""

_MAX_DIGITS = 9
_end: ContextVar[float | None] = ContextVar("otel_mesh_deadline", default=None)


class DeadlineExceededError(TimeoutError):
    """There is no time left for the call; it was not sent, or not waited for any longer."""


def parse(header: str | None) -> float | None:
    """Seconds in a header's value, or None when there is none or it is not a plain number of milliseconds."""
    if header is None or len(header) > _MAX_DIGITS or not (header.isascii() and header.isdecimal()):
        return None
    return int(header) / 1000


def enter(seconds: float | None, ceiling: float = CEILING) -> Token[float | None]:
    """Start a deadline: ``seconds`` from now, at most ``ceiling``, and never later than one already running.

    Returns:
        For :func:`leave`.
    """
    end = monotonic() + (ceiling if seconds is None or seconds > ceiling else seconds)
    running = _end.get()
    return _end.set(end if running is None or end < running else running)


def leave(token: Token[float | None]) -> None:
    """End what :func:`enter` started."""
    _end.reset(token)


def remaining() -> float | None:
    """Seconds left, negative when they are over, None where no deadline was set."""
    end = _end.get()
    return None if end is None else end - monotonic()


@contextlib.contextmanager
def within(seconds: float) -> Iterator[None]:
    """Give the code inside at most ``seconds``, less where an outer deadline comes sooner."""
    token = enter(seconds, ceiling=seconds)
    try:
        yield
    finally:
        leave(token)
