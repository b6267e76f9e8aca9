"""The error that commands report."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class CommandError(Exception):
    """An error that the user can fix: printed in one line, exit status 2, no traceback.

    Args:
        message: Place and reason, e.g. ``port 127.0.0.1:18080: in use by process 4711 (nginx)``.
        remedy: What to do, as an imperative clause.
        log: File with the details, if any.
    """

    def __init__(self, message: str, *, remedy: str, log: Path | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.log = log

    def __str__(self) -> str:
        where = f" (log: {self.log})" if self.log else ""
        return f"{self.message}; {self.remedy}{where}"


def reason_of(error: Exception) -> str:
    """What an error says, in one line; the name of its class where it says nothing, as some of httpx do."""
    return " ".join(str(error).split()) or type(error).__name__
