"""Telemetry kept in memory, for tests of code that makes some."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import HistogramDataPoint, NumberDataPoint
    from opentelemetry.sdk.trace import ReadableSpan


class Capture:
    """Providers whose spans and metrics can be asked for.

    Attributes:
        tracer_provider: hand it to what should be observed.
        meter_provider: likewise.
    """

    def __init__(self, service: str = "test") -> None:
        resource = Resource({"service.name": service})
        self._exporter = InMemorySpanExporter()
        self._reader = InMemoryMetricReader()
        self.tracer_provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self.tracer_provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.meter_provider = MeterProvider([self._reader], resource=resource, shutdown_on_exit=False)

    def spans(self) -> list[ReadableSpan]:
        """Spans that have ended, in the order of their ends."""
        return list(self._exporter.get_finished_spans())

    def points(self, metric: str) -> list[HistogramDataPoint | NumberDataPoint]:
        """The metric's data points, one per set of attributes; empty when there is no such metric."""
        data = self._reader.get_metrics_data()
        if data is None:
            return []
        return [
            point  # type: ignore[misc]
            for resource in data.resource_metrics
            for scope in resource.scope_metrics
            for found in scope.metrics
            if found.name == metric
            for point in found.data.data_points
        ]
