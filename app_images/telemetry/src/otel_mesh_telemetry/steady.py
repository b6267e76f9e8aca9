"""Exports that leave the interpreter to the requests.

Encoding a batch is Python: 512 spans hold the interpreter for some 20 ms, and a request that arrives meanwhile waits
up to the interpreter's switch interval (5 ms) at each of its system calls. With a Collector away it is worse, because
the SDK's exporter over gRPC encodes the batch anew on every attempt. Here a batch is encoded once, with rests.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

T = TypeVar("T")

STRETCH = 16
"""Records encoded before a rest: about a millisecond's work."""
REST = 0.001
"""Seconds of rest: not zero, or this thread would have the interpreter back before another has woken up."""


class Resting(list[T]):
    """A batch that rests now and then while it is iterated, as an encoder does."""

    def __iter__(self) -> Iterator[T]:
        """The records, with rests."""
        for number, record in enumerate(super().__iter__()):
            if number and number % STRETCH == 0:
                time.sleep(REST)
            yield record


class Steady:
    """Mixed into an exporter of OTLP, before the SDK's class."""

    def export(self, batch: Any, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - of six classes
        """Send a batch: spans and log records with rests, metrics as they are."""
        return super().export(Resting(batch) if isinstance(batch, Sequence) else batch, *args, **options)  # type: ignore[misc]


class EncodedOnce:
    """Mixed into an exporter over gRPC besides: a batch is encoded at the first attempt only.

    It overrides a private method of the SDK, so it is used with releases that were looked at (:data:`LOOKED_AT`) and
    left out with later ones, whose exporters then encode as often as they try. Over HTTP the SDK encodes once itself.
    """

    _encoded: tuple[Any, Any] | None = None

    def export(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - of three classes
        """Send a batch, and forget its encoding."""
        try:
            return super().export(*args, **options)  # type: ignore[misc]
        finally:
            self._encoded = None

    def _translate_data(self, data: Any) -> Any:  # noqa: ANN401 - as above
        if self._encoded is None or self._encoded[0] is not data:
            self._encoded = (data, super()._translate_data(data))  # type: ignore[misc]
        return self._encoded[1]


LOOKED_AT = (1, 45)
"""The newest release of opentelemetry-exporter-otlp-proto-grpc whose ``_translate_data`` is known."""


def _installed() -> str:
    from importlib.metadata import version  # noqa: PLC0415 - costs as much as importing all the rest

    return version("opentelemetry-exporter-otlp-proto-grpc")


def mixins(protocol: str) -> tuple[type, ...]:
    """What is mixed into an exporter of OTLP by ``grpc`` or ``http/protobuf``."""
    if protocol != "grpc":
        return (Steady,)
    release = _installed()
    known = tuple(int(part) for part in release.split(".")[:2] if part.isdecimal()) <= LOOKED_AT
    return (EncodedOnce, Steady) if known else (Steady,)
