"""Time that passes when a test says so, and CPU time that other work on the machine does not add to."""

from __future__ import annotations

import asyncio
import gc
import time
from typing import TYPE_CHECKING

from otel_mesh_telemetry import deadline

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest


class Time:
    """The clock of deadlines and of the running event loop, which a test can move on.

    A deadline of minutes never passes by accident, however busy the machine, and passes at once when it is meant to.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._ahead = 0.0
        monkeypatch.setattr(deadline, "monotonic", lambda: time.monotonic() + self._ahead)
        loop = asyncio.get_running_loop()
        real = loop.time
        monkeypatch.setattr(loop, "time", lambda: real() + self._ahead)

    def advance(self, seconds: float) -> None:
        """Let seconds pass; timeouts that have expired take effect at the next suspension."""
        self._ahead += seconds


def cpu_seconds(work: Callable[[], object]) -> float:
    """CPU time of a function in this thread: the least of three runs, without garbage collection."""
    found = []
    gc.disable()
    try:
        for _ in range(3):
            began = time.thread_time()
            work()
            found.append(time.thread_time() - began)
    finally:
        gc.enable()
    return min(found)
