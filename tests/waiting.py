"""Waiting for what another process or thread does."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

PATIENCE_S = 90
"""For what takes a moment on an idle machine."""


def wait_for(
    condition: Callable[[], T],
    about: Callable[[], object] = lambda: "did not happen in time",
    *,
    patience_s: float = PATIENCE_S,
    every_s: float = 0.05,
) -> T:
    """Wait until a condition holds.

    Args:
        condition: Asked again and again, at least once.
        about: What the failed test tells.
        patience_s: Seconds to wait at most.
        every_s: Seconds between two questions.

    Returns:
        The condition's first value that is true.

    Raises:
        AssertionError: It does not hold in time.
    """
    end = time.monotonic() + patience_s
    while not (value := condition()):
        assert time.monotonic() < end, about()
        time.sleep(every_s)
    return value
