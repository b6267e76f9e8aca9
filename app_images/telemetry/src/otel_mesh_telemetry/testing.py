"""In-memory telemetry for tests of instrumented code.

A complete example, with pytest and httpx::

    from otel_mesh_telemetry import ServerMiddleware
    from otel_mesh_telemetry.testing import capture

    async def test_a_request_leaves_one_span() -> None:
        with capture() as seen:
            app = ServerMiddleware(make_app(), **seen.providers)
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
                await client.get("/users/7")
        assert seen.tree() == ["GET /users/{id}"]
        assert seen.span("GET /users/{id}").attributes["http.response.status_code"] == 200
        assert seen.counts("http.server.request.duration", "http.route") == {"/users/{id}": 1}

IDs count up from one, and the clock only moves with :meth:`Clock.advance`, so that expected values can be literals.
"""

from __future__ import annotations

import itertools
import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from unittest import mock

from opentelemetry import propagate
from opentelemetry.instrumentation.logging.handler import LoggingHandler
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import HistogramDataPoint, InMemoryMetricReader, NumberDataPoint
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.id_generator import IdGenerator

from otel_mesh_telemetry.exceptions import RedactedSpans
from otel_mesh_telemetry.logs import Redaction
from otel_mesh_telemetry.propagation import build_propagator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.sdk._logs import ReadableLogRecord
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.sampling import Sampler

__all__ = ["START", "Capture", "Clock", "CountingIds", "capture"]

START = 1_700_000_000_000_000_000
"""Initial time of a :class:`Clock` in nanoseconds since 1970."""


class CountingIds(IdGenerator):
    """Generator of the trace IDs and span IDs 1, 2, 3 and so on."""

    def __init__(self) -> None:
        self._traces = itertools.count(1)
        self._spans = itertools.count(1)

    def generate_trace_id(self) -> int:
        """The next trace ID."""
        return next(self._traces)

    def generate_span_id(self) -> int:
        """The next span ID."""
        return next(self._spans)


class Clock:
    """Manual clock for the start and end times of spans."""

    def __init__(self) -> None:
        self._now = START

    def __call__(self) -> int:
        """The time in nanoseconds since 1970."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Advance the clock."""
        self._now += round(seconds * 1e9)


class _RedactedInMemory(RedactedSpans, InMemorySpanExporter):
    """In-memory exporter that redacts spans like the exporters of a running service."""


class Capture:
    """Providers that store spans, metrics and log records in memory; created by :func:`capture`.

    Attributes:
        tracer_provider: Provider whose spans are stored.
        meter_provider: Provider whose metrics are stored.
        logger_provider: Provider whose log records are stored.
        clock: Clock of the spans.

    Args:
        service: ``service.name`` of the resource.
        sampler: Sampler of traces; all are sampled by default.
    """

    def __init__(self, service: str = "test", sampler: Sampler | None = None) -> None:
        resource = Resource({"service.name": service})
        self.clock = Clock()
        self._spans = _RedactedInMemory()
        self._reader = InMemoryMetricReader()
        self._records = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]
        self.tracer_provider = TracerProvider(sampler, resource, shutdown_on_exit=False, id_generator=CountingIds())
        self.tracer_provider.add_span_processor(SimpleSpanProcessor(self._spans))
        self.meter_provider = MeterProvider([self._reader], resource=resource, shutdown_on_exit=False)
        self.logger_provider = LoggerProvider(resource, shutdown_on_exit=False)
        self.logger_provider.add_log_record_processor(Redaction())
        self.logger_provider.add_log_record_processor(SimpleLogRecordProcessor(self._records))

    @property
    def providers(self) -> dict[str, Any]:
        """Keyword arguments that pass the providers to middleware, clients and interceptors."""
        return {"tracer_provider": self.tracer_provider, "meter_provider": self.meter_provider}

    def spans(self) -> list[ReadableSpan]:
        """The ended spans, in the order of their end."""
        return list(self._spans.get_finished_spans())

    def span(self, name: str) -> ReadableSpan:
        """The only span with a name.

        Raises:
            LookupError: No span or several spans have the name.
        """
        found = [span for span in self.spans() if span.name == name]
        if len(found) != 1:
            raise LookupError(f"{len(found)} spans named {name!r} among {sorted(s.name for s in self.spans())}")
        return found[0]

    def tree(self) -> list[str]:
        """Names of the spans; children follow their parent, indented by two spaces."""
        children: dict[int | None, list[ReadableSpan]] = {}
        known = {span.context.span_id for span in self.spans() if span.context}
        for span in sorted(self.spans(), key=lambda s: s.context.span_id if s.context else 0):
            parent = span.parent.span_id if span.parent and span.parent.span_id in known else None
            children.setdefault(parent, []).append(span)

        def lines(parent: int | None, depth: int) -> Iterator[str]:
            for span in children.get(parent, ()):
                yield "  " * depth + span.name
                if span.context is not None:
                    yield from lines(span.context.span_id, depth + 1)

        return list(lines(None, 0))

    def points(self, metric: str) -> list[HistogramDataPoint | NumberDataPoint]:
        """The data points of a metric, one per attribute set; empty for an unknown metric."""
        data = self._reader.get_metrics_data()
        return [
            point
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for found in scope.metrics
            if found.name == metric
            for point in found.data.data_points
            if isinstance(point, (HistogramDataPoint, NumberDataPoint))
        ]

    def counts(self, metric: str, attribute: str) -> dict[Any, float]:
        """Attribute value -> count of a histogram, or value of a sum or gauge."""
        result: dict[Any, float] = {}
        for point in self.points(metric):
            key = (point.attributes or {}).get(attribute)
            value = point.count if isinstance(point, HistogramDataPoint) else point.value
            result[key] = result.get(key, 0) + value
        return result

    def records(self) -> list[ReadableLogRecord]:
        """The log records, in the order of their creation."""
        return list(self._records.get_finished_logs())


@contextmanager
def capture(service: str = "test", sampler: Sampler | None = None) -> Iterator[Capture]:
    """A :class:`Capture` that also stores the root logger's records, with this library's propagator installed.

    The SDK's global providers can be set only once per process and are not changed: pass :attr:`Capture.providers` to
    the code under test.

    Args:
        service: ``service.name`` of the resource.
        sampler: Sampler of traces; all are sampled by default.
    """
    seen = Capture(service, sampler)
    handler = LoggingHandler(logger_provider=seen.logger_provider)
    before = propagate.get_global_textmap()
    propagate.set_global_textmap(build_propagator())
    logging.getLogger().addHandler(handler)
    try:
        with mock.patch("opentelemetry.sdk.trace.time_ns", seen.clock):
            yield seen
    finally:
        logging.getLogger().removeHandler(handler)
        propagate.set_global_textmap(before)
