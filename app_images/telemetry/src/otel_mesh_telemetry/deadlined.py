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
        timeout: seconds to wait for all of them; one that is not done by then goes on in a daemon thread.
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

    threads = [
        threading.Thread(target=run, args=pair, name="otel-mesh-flush", daemon=True)
        for pair in zip(calls, finished, strict=True)
    ]
    for thread in threads:
        thread.start()
    end = time.monotonic() + timeout
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    return all(event.is_set() for event in finished)
