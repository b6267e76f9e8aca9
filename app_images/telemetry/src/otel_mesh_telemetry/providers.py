"""What code that makes telemetry needs of the process's set-up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider


class Providers(Protocol):
    """Where spans and measurements go: a running :class:`Telemetry`, or a test's capture."""

    @property
    def tracer_provider(self) -> TracerProvider:
        """Maker of tracers."""

    @property
    def meter_provider(self) -> MeterProvider:
        """Maker of meters."""
