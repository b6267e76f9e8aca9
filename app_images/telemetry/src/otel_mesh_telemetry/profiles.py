"""Settings of batch processors for spans and log records, by the traffic of a service."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Batching:
    """Settings of a batch processor and its exporter.

    Attributes:
        queue_size: Maximum number of queued records; beyond it, the oldest are dropped and counted.
        batch_size: Maximum number of records per export, at most ``queue_size``.
        delay: Delay in seconds after which an incomplete batch is exported.
        timeout: Timeout of an export in seconds; None for the exporter's variables and default (10 s). It is passed to
            the exporter because the SDK's batch processor ignores its own export timeout.
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
"""Profile name -> settings; ``default`` has the specification's defaults."""


def override(profile: Batching, numbers: Mapping[str, int], timeout: float | None) -> Batching:
    """A profile overridden by the specification's variables.

    Args:
        profile: Settings used for unset variables.
        numbers: Those of ``MAX_QUEUE_SIZE``, ``MAX_EXPORT_BATCH_SIZE`` and ``SCHEDULE_DELAY`` (ms) that are set.
        timeout: Value of the OTEL_EXPORTER_OTLP_*TIMEOUT variable in seconds; None if unset.
    """
    queue_size = numbers.get("MAX_QUEUE_SIZE", profile.queue_size)
    return Batching(
        queue_size=queue_size,
        # Limited so that the profile's batch size stays valid with a smaller configured queue.
        batch_size=min(numbers.get("MAX_EXPORT_BATCH_SIZE", profile.batch_size), queue_size),
        delay=numbers["SCHEDULE_DELAY"] / 1000 if "SCHEDULE_DELAY" in numbers else profile.delay,
        timeout=profile.timeout if timeout is None else timeout,
    )
