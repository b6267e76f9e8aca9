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


class DeadlineExceededError(TimeoutError):
    """There is no time left for the call; it was not sent, or not waited for any longer."""


class Deadline:
    """A time by which something must be done; :func:`enter` makes it.

    Every context that was copied while it ran shares it. So when it is over, as it is once a request has been
    answered, it is over for the background tasks too that were started meanwhile: nobody waits for them.

    Attributes:
        token: for :func:`leave`.
    """

    __slots__ = ("_end", "_outer", "token")

    def __init__(self, end: float | None, outer: Deadline | None) -> None:
        self._end = end
        self._outer = outer
        self.token: Token[Deadline | None] | None = None

    def over(self) -> None:
        """Let it bind nothing any more."""
        self._end = None

    def end(self) -> float | None:
        """When it is, on the monotonic clock; None when it binds nothing any more, nor any around it."""
        end = self._end
        if self._outer is not None and (outer := self._outer.end()) is not None and (end is None or outer < end):
            return outer
        return end


_current: ContextVar[Deadline | None] = ContextVar("otel_mesh_deadline", default=None)


def parse(header: str | None) -> float | None:
    """Seconds in a header's value, or None when there is none or it is not a plain number of milliseconds."""
    if header is None or len(header) > _MAX_DIGITS or not (header.isascii() and header.isdecimal()):
        return None
    return int(header) / 1000


def enter(seconds: float | None, ceiling: float = CEILING) -> Deadline:
    """Start a deadline: ``seconds`` from now, at most ``ceiling``, and never later than one already running.

    Returns:
        For :func:`leave`.
    """
    made = Deadline(monotonic() + (ceiling if seconds is None or seconds > ceiling else seconds), _current.get())
    made.token = _current.set(made)
    return made


def leave(entered: Deadline) -> None:
    """End what :func:`enter` started, in the context that it was started in."""
    entered.over()
    if entered.token is not None:
        _current.reset(entered.token)


def remaining() -> float | None:
    """Seconds left, negative when they are over, None where no deadline was set."""
    running = _current.get()
    end = None if running is None else running.end()
    return None if end is None else end - monotonic()


@contextlib.contextmanager
def within(seconds: float) -> Iterator[None]:
    """Give the code inside at most ``seconds``, less where an outer deadline comes sooner."""
    entered = enter(seconds, ceiling=seconds)
    try:
        yield
    finally:
        leave(entered)


@contextlib.contextmanager
def detached(seconds: float | None = None) -> Iterator[None]:
    """Lift every outer deadline from the code inside, and from tasks that it starts, as nobody waits for it.

    Args:
        seconds: what the code inside has instead; None for as long as it takes.
    """
    made = Deadline(None if seconds is None else monotonic() + seconds, None)
    token = _current.set(made)
    try:
        yield
    finally:
        _current.reset(token)
