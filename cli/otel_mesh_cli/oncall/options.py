"""What the commands are asked for, checked before anybody is asked."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

from otel_mesh_cli.core.errors import CommandError

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_LONGEST_S = 30 * 86400
_MOST = 100
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
_TRACE_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Window:
    """How far a command looks back."""

    text: str
    """As it was asked for, e.g. ``15m``; so PromQL takes it too."""
    start_us: int
    """Microseconds since the epoch."""
    end_us: int
    """Microseconds since the epoch."""

    @property
    def seconds(self) -> float:
        """Its length."""
        return (self.end_us - self.start_us) / 1e6


@dataclass(frozen=True)
class Question:
    """Which traces a command is about."""

    window: Window
    number: int
    """How many lines of an answer at most."""
    service: str = ""
    """That they went through; any where it is empty."""
    route: str = ""
    """Of the service's requests, with or without its method; any where it is empty."""


def window(text: str, end_us: int | None = None) -> Window:
    """The window that ``SINCE`` names.

    Args:
        text: e.g. ``15m``.
        end_us: microseconds since the epoch; now by default.

    Raises:
        CommandError: it names none, or one longer than anything is kept.
    """
    number, unit = text[:-1], text[-1:]
    if unit in _SECONDS and number.isascii() and number.isdecimal() and len(number) < len(str(_LONGEST_S)):
        seconds = int(number) * _SECONDS[unit]
        if 0 < seconds <= _LONGEST_S:
            end = time.time_ns() // 1000 if end_us is None else end_us
            return Window(text, end - 1_000_000 * seconds, end)
    raise CommandError(f"SINCE={text}: not a time to look back", remedy="give one from 1s to 30d, e.g. SINCE=15m or 2h")


def limit(text: str) -> int:
    """The number that ``LIMIT`` names.

    Raises:
        CommandError: it is none from 1 to 100.
    """
    if text.isascii() and text.isdecimal() and len(text) <= len(str(_MOST)) and 1 <= int(text) <= _MOST:
        return int(text)
    raise CommandError(f"LIMIT={text}: not a number of traces", remedy=f"give one from 1 to {_MOST}")


def trace_id(text: str) -> str:
    """The trace id in ``ID``: 32 hexadecimal digits, alone or in a whole ``traceparent``.

    Raises:
        CommandError: there is none.
    """
    remedy = "give the 32 hexadecimal digits of a log line, a traceparent, `make slow` or `make errors`: make trace ID="
    given = text.strip().lower()
    if not given:
        raise CommandError("ID: not given", remedy=remedy)
    inside = _TRACEPARENT.fullmatch(given)
    found = inside[1] if inside else given
    if not _TRACE_ID.fullmatch(found) or not int(found, 16):
        raise CommandError(f"ID={text}: not a trace id", remedy=remedy)
    return found
