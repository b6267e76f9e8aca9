"""Batches, queue and retries of the exporters, with the queue in memory or on a volume of each pod."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pydantic import Field, model_validator

from otel_mesh.collector.pipelines import Extension
from otel_mesh.core.errors import InvalidSettingsError, Problem
from otel_mesh.core.values import Duration, Settings
from otel_mesh.k8s.containers import pod_volume

if TYPE_CHECKING:
    from typing import Self

    from otel_mesh.k8s.containers import Volume
    from otel_mesh.k8s.resources import Storage

_FOLDER: Final = "/var/lib/otel-collector"
_EXTENSION: Final = "file_storage/queue"


class Batching(Settings):
    """Batching and queueing of the Collector's exporters.

    Attributes:
        size: Number of items (spans, data points, log records) that fill a batch.
        timeout: Time after which an incomplete batch is sent.
        queue_size: Number of items queued while a backend does not answer. When the queue is full, senders are told to
            retry.
    """

    size: int = Field(default=1024, ge=1, le=100_000)
    timeout: Duration = "10s"
    queue_size: int = Field(default=50_000, ge=1000, le=10_000_000)

    @model_validator(mode="after")
    def _a_batch_fits_the_queue(self) -> Self:
        if self.size > self.queue_size:
            raise InvalidSettingsError([Problem("queue_size", "is smaller than one batch", "raise it or lower 'size'")])
        return self


def exporting(batching: Batching, storage: Storage) -> dict[str, Any]:
    """Queue, batches and retries of an exporter.

    The queue is bounded and survives an outage of the backend. A queue on a volume survives the end of the pod too: the
    next pod sends what was queued, and sends again what was on its way.

    Args:
        batching: Batching and queueing.
        storage: Storage of the queue.
    """
    return {
        "sending_queue": {
            "enabled": True,
            "sizer": "items",
            "queue_size": batching.queue_size,
            **({"storage": _EXTENSION} if storage.persistent else {}),
            "batch": {
                "flush_timeout": batching.timeout,
                "min_size": batching.size,
                "max_size": 2 * batching.size,
            },
        },
        # retries never end: the queue has to survive a long outage, and its size bounds it
        "retry_on_failure": {"enabled": True, "initial_interval": "1s", "max_interval": "30s", "max_elapsed_time": 0},
    }


def queue_storage(storage: Storage) -> tuple[Extension, ...]:
    """The extension that keeps queues in files; none for queues in memory."""
    if not storage.persistent:
        return ()
    settings = {
        "directory": _FOLDER,
        # a file never shrinks by itself: after an outage the volume would stay as full as it was
        "compaction": {"directory": _FOLDER, "on_start": True, "on_rebound": True, "cleanup_on_start": True},
        # a file that a crash of the node has damaged is set aside; otherwise the pod would never start again
        "recreate": True,
    }
    return (Extension(_EXTENSION, settings),)


def queue_volumes(storage: Storage) -> tuple[Volume, ...]:
    """The volume of the queues; none for queues in memory."""
    return (pod_volume("queue", storage, _FOLDER),) if storage.persistent else ()
