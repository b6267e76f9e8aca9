"""Deadlines of requests, propagated from service to service.

A request arrives with the caller's remaining time in milliseconds (:data:`HEADER`), limited to :data:`CEILING`. Calls
made by its handler get at most the time left and propagate it in the same header.
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
"""Header with the caller's remaining time in milliseconds; safe from untrusted callers, as it can only shorten time."""

CEILING = 30.0
"""Maximum time for a request in seconds, whatever the caller sends."""

_MAX_DIGITS = 9


class DeadlineExceededError(TimeoutError):
    """The deadline passed before the call was sent or before its response arrived."""


class Deadline:
    """A deadline set by :func:`enter`.

    It is shared with all contexts copied while it was set. When it is removed at the end of a response, it therefore
    no longer applies to background tasks started by the handler.

    Attributes:
        token: Token that :func:`leave` resets the context variable with.
    """

    __slots__ = ("_end", "_outer", "token")

    def __init__(self, end: float | None, outer: Deadline | None) -> None:
        self._end = end
        self._outer = outer
        self.token: Token[Deadline | None] | None = None

    def remove(self) -> None:
        """Remove the deadline, in all contexts that share it."""
        self._end = None

    def end(self) -> float | None:
        """The earliest time among this deadline and the outer ones, on the monotonic clock; None if all are removed."""
        end = self._end
        if self._outer is not None and (outer := self._outer.end()) is not None and (end is None or outer < end):
            return outer
        return end


_current: ContextVar[Deadline | None] = ContextVar("otel_mesh_deadline", default=None)


def parse(header: str | None) -> float | None:
    """A header's value in seconds; None if it is missing or not a decimal number of milliseconds."""
    if header is None or len(header) > _MAX_DIGITS or not (header.isascii() and header.isdecimal()):
        return None
    return int(header) / 1000


def enter(seconds: float | None, ceiling: float = CEILING) -> Deadline:
    """Set a deadline ``seconds`` from now, limited to ``ceiling`` and to the deadline that is already set.

    Returns:
        The deadline, to be passed to :func:`leave`.
    """
    entered = Deadline(monotonic() + (ceiling if seconds is None or seconds > ceiling else seconds), _current.get())
    entered.token = _current.set(entered)
    return entered


def leave(entered: Deadline) -> None:
    """Remove the deadline set by :func:`enter`, in the same context."""
    entered.remove()
    if entered.token is not None:
        _current.reset(entered.token)


def remaining() -> float | None:
    """Seconds until the deadline, negative after it; None if no deadline is set."""
    running = _current.get()
    end = None if running is None else running.end()
    return None if end is None else end - monotonic()


@contextlib.contextmanager
def within(seconds: float) -> Iterator[None]:
    """Set a deadline ``seconds`` from now for the code inside; an earlier outer deadline still applies."""
    entered = enter(seconds, ceiling=seconds)
    try:
        yield
    finally:
        leave(entered)


@contextlib.contextmanager
def detached(seconds: float | None = None) -> Iterator[None]:
    """Run the code inside, and the tasks it starts, without the outer deadlines; for work that no caller awaits.

    Args:
        seconds: Deadline of the code inside, in seconds from now; None for no deadline.
    """
    token = _current.set(Deadline(None if seconds is None else monotonic() + seconds, None))
    try:
        yield
    finally:
        _current.reset(token)
