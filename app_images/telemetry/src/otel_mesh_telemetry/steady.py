"""Exports that do not delay requests.

Encoding a batch holds the interpreter lock: 512 spans take about 20 ms, and requests handled meanwhile wait up to the
switch interval (5 ms) after each of their system calls. If the Collector is unreachable, the SDK's gRPC exporter
encodes the batch again on every attempt. Here a batch is encoded once, with pauses.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

T = TypeVar("T")

RECORDS_PER_PAUSE = 16
"""Records encoded between pauses; takes about a millisecond."""
PAUSE = 0.001
"""Length of a pause in seconds; with zero, this thread would resume before another thread wakes up."""


class PausingBatch(list[T]):
    """A batch that pauses regularly during iteration by the encoder."""

    def __iter__(self) -> Iterator[T]:
        """The records, with pauses."""
        for number, record in enumerate(super().__iter__()):
            if number and number % RECORDS_PER_PAUSE == 0:
                time.sleep(PAUSE)
            yield record


class Steady:
    """Mixin for OTLP exporters; precedes the SDK's class in the bases."""

    def export(self, batch: Any, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - signatures of six classes
        """Export a batch: spans and log records with pauses, metrics without."""
        return super().export(PausingBatch(batch) if isinstance(batch, Sequence) else batch, *args, **options)  # type: ignore[misc]


class EncodedOnce:
    """Further mixin for gRPC exporters: a batch is encoded on the first attempt only.

    It overrides a private method of the SDK, so it is used up to the release :data:`NEWEST_VERIFIED` only; exporters of
    later releases encode on every attempt. Over HTTP the SDK encodes once anyway.
    """

    _encoded: tuple[Any, Any] | None = None

    def export(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - signatures of three classes
        """Export a batch, and discard its encoding afterwards."""
        try:
            return super().export(*args, **options)  # type: ignore[misc]
        finally:
            self._encoded = None

    def _translate_data(self, data: Any) -> Any:  # noqa: ANN401 - as above
        if self._encoded is None or self._encoded[0] is not data:
            self._encoded = (data, super()._translate_data(data))  # type: ignore[misc]
        return self._encoded[1]


NEWEST_VERIFIED = (1, 45)
"""Newest release of opentelemetry-exporter-otlp-proto-grpc whose ``_translate_data`` has been verified."""


def _installed() -> str:
    from importlib.metadata import version  # noqa: PLC0415 - takes as long as all other imports together

    return version("opentelemetry-exporter-otlp-proto-grpc")


def mixins(protocol: str) -> tuple[type, ...]:
    """The mixins for an OTLP exporter with the protocol ``grpc`` or ``http/protobuf``."""
    if protocol != "grpc":
        return (Steady,)
    release = _installed()
    known = tuple(int(part) for part in release.split(".")[:2] if part.isdecimal()) <= NEWEST_VERIFIED
    return (EncodedOnce, Steady) if known else (Steady,)
