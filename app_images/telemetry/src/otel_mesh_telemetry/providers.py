"""The interface of the telemetry set-up for code that creates spans and metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider


class Providers(Protocol):
    """Providers of tracers and meters: a running :class:`Telemetry`, or a test's :class:`Capture`."""

    @property
    def tracer_provider(self) -> TracerProvider:
        """Provider of the tracers."""

    @property
    def meter_provider(self) -> MeterProvider:
        """Provider of the meters."""
