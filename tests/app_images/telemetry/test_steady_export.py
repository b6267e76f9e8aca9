"""Exports leave the interpreter to the requests: batches are encoded once, with rests, and arrive as they were."""

from __future__ import annotations

import http.server
import logging
import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from opentelemetry.exporter.otlp.proto.grpc import metric_exporter as grpc_metrics
from opentelemetry.exporter.otlp.proto.grpc import trace_exporter as grpc_traces
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from otel_mesh_telemetry import steady
from otel_mesh_telemetry.exporters import metric_exporter, span_exporter
from tests.app_images.telemetry.otlp_receiver import Receiver

if TYPE_CHECKING:
    from collections.abc import Iterator

SPANS = 100
RETRY_SOON = b"\x0a\x04\x10\xc0\x84\x3d"
"""google.rpc.RetryInfo with a delay of 1,000,000 ns."""


class Busy(Receiver):
    """Refuses the first attempts, as a Collector does whose memory is full."""

    refusals = 2

    def Export(self, request: Any, context: Any) -> Any:  # noqa: ANN401, N802 - as the base
        if self.refusals:
            self.refusals -= 1
            context.set_trailing_metadata((("google.rpc.retryinfo-bin", RETRY_SOON),))
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "full")
        return super().Export(request, context)


@pytest.fixture
def spans() -> list[ReadableSpan]:
    memory = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource({"service.name": "shop"}), shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(memory))
    for number in range(SPANS):
        with provider.get_tracer("t").start_as_current_span(f"work {number}"):
            pass
    return list(memory.get_finished_spans())


@pytest.fixture
def rests(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Pauses of the encoder alone: other threads may sleep meanwhile."""
    taken: list[float] = []
    monkeypatch.setattr(steady, "time", SimpleNamespace(sleep=taken.append))
    return taken


def counted(monkeypatch: pytest.MonkeyPatch, module: Any, name: str) -> list[int]:  # noqa: ANN401 - a module
    calls: list[int] = []
    real = getattr(module, name)

    def encode(data: Any) -> Any:  # noqa: ANN401 - of the SDK
        calls.append(1)
        return real(data)

    monkeypatch.setattr(module, name, encode)
    return calls


def test_a_batch_is_encoded_once_however_often_it_is_sent(
    spans: list[ReadableSpan], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    encoded = counted(monkeypatch, grpc_traces, "encode_spans")
    with Busy() as receiver:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.endpoint)
        exporter = span_exporter("grpc")
        assert exporter.export(spans) is SpanExportResult.SUCCESS
        assert (len(encoded), receiver.refusals) == (1, 0)
        assert exporter.export(spans[:1]) is SpanExportResult.SUCCESS
        exporter.shutdown()
    assert len(encoded) == 2, "another batch is another encoding"
    assert [span.name for _, span in receiver.spans] == [*(f"work {number}" for number in range(SPANS)), "work 0"]


def test_metrics_are_encoded_once_too(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    encoded = counted(monkeypatch, grpc_metrics, "encode_metrics")
    with Busy() as receiver:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.endpoint)
        reader = PeriodicExportingMetricReader(metric_exporter("grpc"), export_interval_millis=60_000)
        provider = MeterProvider([reader], shutdown_on_exit=False)
        provider.get_meter("t").create_counter("work.done").add(1)
        provider.force_flush()
        assert (len(encoded), receiver.refusals) == (1, 0)
        provider.shutdown()
    assert "work.done" in [metric.name for _, metric in receiver.metrics]


def test_encoding_for_grpc_rests_and_makes_one_request(
    spans: list[ReadableSpan], rests: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Receiver() as receiver:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.endpoint)
        exporter = span_exporter("grpc")
        exporter.export(spans)
        exporter.shutdown()
    assert len(receiver.metadata) == 1
    assert len(receiver.spans) == SPANS
    assert rests == [steady.PAUSE] * ((SPANS - 1) // steady.RECORDS_PER_PAUSE)


@pytest.fixture
def bodies(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bytes]]:
    received: list[bytes] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            """Quiet."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    yield received
    server.shutdown()
    thread.join()
    server.server_close()


def test_encoding_for_http_rests_too(spans: list[ReadableSpan], rests: list[float], bodies: list[bytes]) -> None:
    exporter = span_exporter("http/protobuf")
    exporter.export(spans)
    exporter.shutdown()
    (body,) = bodies
    (resource,) = ExportTraceServiceRequest.FromString(body).resource_spans
    assert len(resource.scope_spans[0].spans) == SPANS
    assert rests == [steady.PAUSE] * ((SPANS - 1) // steady.RECORDS_PER_PAUSE)
