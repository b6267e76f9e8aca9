"""Processes known by their number only."""

from __future__ import annotations

from typing import Final

import psutil

_CLOCK_SLACK_S: Final = 2.0
"""A process's start and a file's time come from two clocks of the kernel."""


def is_alive(pid: int, seen: float) -> bool:
    """Whether a process may still be running; a later one with the same number does not count.

    Args:
        pid: Number of the process.
        seen: Time at which it ran, in seconds since the epoch.
    """
    try:
        return psutil.Process(pid).create_time() <= seen + _CLOCK_SLACK_S
    except psutil.NoSuchProcess:
        return False
