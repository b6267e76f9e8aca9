"""Concurrent calls with a common timeout."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_log = logging.getLogger(__name__)


def all_within(timeout: float, calls: Sequence[Callable[[], object]]) -> bool:
    """Run calls concurrently, so that a hanging call does not delay the others.

    Args:
        timeout: Seconds to wait for all calls. An unfinished call continues in a daemon thread. If the interpreter can
            no longer start threads (at exit in Python 3.12.0 to 3.12.2), the calls run one after the other; none is
            started after the timeout, and a running call is limited only by its own timeout.
        calls: Functions to call; the result False means failure.

    Returns:
        True if all calls succeeded within the timeout.
    """
    finished = [threading.Event() for _ in calls]

    def run(call: Callable[[], object], event: threading.Event) -> None:
        try:
            if call() is not False:
                event.set()
        except Exception:  # noqa: BLE001 - the other providers must still be stopped; this failure is logged
            _log.exception("telemetry: a provider failed to flush or shut down")

    end = time.monotonic() + timeout
    threads: list[threading.Thread] = []
    for pair in zip(calls, finished, strict=True):
        thread = threading.Thread(target=run, args=pair, name="otel-mesh-flush", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            if time.monotonic() < end:
                run(*pair)
        else:
            threads.append(thread)
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    return all(event.is_set() for event in finished)
