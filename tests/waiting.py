"""Waiting for what another process or thread does."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE_S = 90
"""For what takes a moment on an idle machine."""


def wait_for(condition: Callable[[], bool], about: Callable[[], object] = lambda: "did not happen in time") -> None:
    """Wait until a condition holds.

    Args:
        condition: Asked again and again.
        about: What the failed test tells.

    Raises:
        AssertionError: It does not hold in time.
    """
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, about()
        time.sleep(0.05)
