"""How spans and log records are gathered into batches, by the traffic a service sees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Batching:
    """Settings of a batch processor and its exporter.

    Attributes:
        queue_size: records kept at most; the oldest are dropped, and counted, beyond that.
        batch_size: records sent at once, at most ``queue_size``.
        delay: seconds after which an incomplete batch is sent.
        timeout: seconds that one export may take; None leaves it to the exporter's variables and default (10 s).
            It goes to the exporter because the SDK's batch processor ignores its own export timeout.
    """

    queue_size: int
    batch_size: int
    delay: float
    timeout: float | None = None


PROFILES: dict[str, Batching] = {
    "default": Batching(2048, 512, 5.0),
    "linkerd": Batching(2048, 512, 5.0),
    "istio": Batching(4096, 1024, 3.0),
    "high_traffic": Batching(8192, 2048, 2.0, 15.0),
}
"""Named settings; ``default`` are the specification's own."""


def override(profile: Batching, numbers: Mapping[str, int], timeout: float | None) -> Batching:
    """A profile with the specification's variables on top.

    Args:
        profile: what applies where no variable is set.
        numbers: ``MAX_QUEUE_SIZE``, ``MAX_EXPORT_BATCH_SIZE`` and ``SCHEDULE_DELAY`` (ms), those that are set.
        timeout: seconds that an OTEL_EXPORTER_OTLP_*TIMEOUT variable says; None when there is none.
    """
    queue_size = numbers.get("MAX_QUEUE_SIZE", profile.queue_size)
    return Batching(
        queue_size=queue_size,
        # A small queue set by hand must not turn the profile's batch size into an error.
        batch_size=min(numbers.get("MAX_EXPORT_BATCH_SIZE", profile.batch_size), queue_size),
        delay=numbers["SCHEDULE_DELAY"] / 1000 if "SCHEDULE_DELAY" in numbers else profile.delay,
        timeout=profile.timeout if timeout is None else timeout,
    )
