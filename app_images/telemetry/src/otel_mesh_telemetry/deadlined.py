"""Calls that may hang, beside each other and within one time."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_log = logging.getLogger(__name__)


def all_within(timeout: float, calls: Sequence[Callable[[], object]]) -> bool:
    """Run the calls beside each other, so that one that hangs does not cost the others their time.

    Args:
        timeout: seconds to wait for all of them; one that is not done by then goes on in a daemon thread. Where the
            interpreter is ending already and starts no threads any more (at exit in Python 3.12.0 to 3.12.2), they
            run one after the other instead, none is begun after that time, and only their own timeouts bound them.
        calls: each is done when it returns anything but False.

    Returns:
        Whether all of them were done in time.
    """
    finished = [threading.Event() for _ in calls]

    def run(call: Callable[[], object], event: threading.Event) -> None:
        try:
            if call() is not False:
                event.set()
        except Exception:  # noqa: BLE001 - the others must still be stopped, and this one is told
            _log.exception("telemetry: a provider did not shut down cleanly")

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
