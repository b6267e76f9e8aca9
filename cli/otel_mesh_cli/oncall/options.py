"""Values of on-call commands' options, checked before any backend is asked."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

from otel_mesh_cli.core.errors import CommandError

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_LONGEST_S = 30 * 86400
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
_TRACE_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Window:
    """The time that a command looks at."""

    since: str
    """Its length as it was given, e.g. ``15m``; PromQL takes it as it is."""
    start_us: int
    """Beginning in microseconds since the epoch."""
    end_us: int
    """End in microseconds since the epoch."""

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return (self.end_us - self.start_us) / 1e6


@dataclass(frozen=True)
class Question:
    """Which traces a command is about."""

    window: Window
    """Time in which they began."""
    limit: int
    """Number of results at most."""
    service: str = ""
    """Name of a service that they went through; empty for any."""
    route: str = ""
    """Route of the service's requests, with or without the method; empty for any."""


def window(since: str, end_us: int | None = None, flag: str = "--since") -> Window:
    """The window that an option names.

    Args:
        since: Length, e.g. ``15m``.
        end_us: End in microseconds since the epoch; now by default.
        flag: Option that held the length.

    Raises:
        CommandError: It is not a duration, or longer than any backend keeps telemetry.
    """
    number, unit = since[:-1], since[-1:]
    if unit in _SECONDS and number.isascii() and number.isdecimal() and len(number) < len(str(_LONGEST_S)):
        seconds = int(number) * _SECONDS[unit]
        if 0 < seconds <= _LONGEST_S:
            end = time.time_ns() // 1000 if end_us is None else end_us
            return Window(since, end - 1_000_000 * seconds, end)
    raise CommandError(f"{flag} {since}: not a duration", remedy="give one from 1s to 30d, e.g. 15m or 2h")


def trace_id(text: str) -> str:
    """The trace id in a command's argument: 32 hexadecimal digits, alone or in a ``traceparent``.

    Raises:
        CommandError: There is none.
    """
    remedy = "give the 32 hexadecimal digits of a log line, a traceparent, `otel-mesh slow` or `otel-mesh errors`"
    given = text.strip().lower()
    if not given:
        raise CommandError("trace id: not given", remedy=remedy)
    inside = _TRACEPARENT.fullmatch(given)
    found = inside[1] if inside else given
    if not _TRACE_ID.fullmatch(found) or not int(found, 16):
        raise CommandError(f"{text}: not a trace id", remedy=remedy)
    return found
