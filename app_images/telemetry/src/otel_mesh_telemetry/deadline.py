"""The time by which an answer must be there, shrinking from hop to hop.

A request enters with the seconds its caller still waits (:data:`HEADER`), never more than :data:`CEILING`;
every call made while it is handled gets at most what is left, and is told so in the same header.
"""

from __future__ import annotations

import contextlib
from time import monotonic
from typing import TYPE_CHECKING

from opentelemetry import context as context_api

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.context import Context

HEADER = "x-request-timeout-ms"
"""Milliseconds that the caller still waits. From a stranger it can only shorten the time, so it needs no trust."""

CEILING = 30.0
"""Seconds that a request may take at most, whatever its caller says."""

_KEY = context_api.create_key("otel-mesh-deadline")
_MAX_DIGITS = 9


class DeadlineExceededError(TimeoutError):
    """There is no time left for the call; it was not sent, or not waited for any longer."""


def parse(header: str | None) -> float | None:
    """Seconds in a header's value, or None when there is none or it is not a plain number of milliseconds."""
    if header is None or len(header) > _MAX_DIGITS or not (header.isascii() and header.isdecimal()):
        return None
    return int(header) / 1000


def enter(context: Context, header: str | None = None, ceiling: float = CEILING) -> Context:
    """A context whose deadline is ``ceiling`` seconds from now, or what the header says when that is sooner."""
    seconds = parse(header)
    budget = ceiling if seconds is None else min(seconds, ceiling)
    end = monotonic() + budget
    earlier = context_api.get_value(_KEY, context)
    if isinstance(earlier, float):
        end = min(end, earlier)
    return context_api.set_value(_KEY, end, context)


def remaining(context: Context | None = None) -> float | None:
    """Seconds left, negative when they are over, None where no deadline was set."""
    end = context_api.get_value(_KEY, context)
    return end - monotonic() if isinstance(end, float) else None


@contextlib.contextmanager
def within(seconds: float) -> Iterator[None]:
    """Give the code inside at most ``seconds``, less where an outer deadline comes sooner."""
    token = context_api.attach(enter(context_api.get_current(), ceiling=seconds))
    try:
        yield
    finally:
        context_api.detach(token)
