"""Spans and log records made by hand, as OTLP over gRPC."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import grpc
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2_grpc import LogsServiceStub
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

if TYPE_CHECKING:
    from collections.abc import Mapping

MS = 1_000_000
"""Nanoseconds."""


def trace_id(number: int) -> bytes:
    """Spread like random ones: the samplers' hash is of the whole id."""
    return (number * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128).to_bytes(16, "big")


def span(  # noqa: PLR0913 -- a span has as many
    trace: int,
    number: int,
    *,
    milliseconds: int = 5,
    error: bool = False,
    parent: int = 0,
    kind: Span.SpanKind.ValueType = Span.SPAN_KIND_UNSPECIFIED,
    attributes: Mapping[str, str | int] | None = None,
) -> Span:
    """A span of a numbered trace that begins now."""
    began = time.time_ns()
    return Span(
        trace_id=trace_id(trace),
        span_id=number.to_bytes(8, "big"),
        parent_span_id=parent.to_bytes(8, "big") if parent else b"",
        kind=kind,
        attributes=[
            KeyValue(
                key=key, value=AnyValue(int_value=value) if isinstance(value, int) else AnyValue(string_value=value)
            )
            for key, value in (attributes or {}).items()
        ],
        name=f"hop {number}",
        start_time_unix_nano=began,
        end_time_unix_nano=began + milliseconds * MS,
        status=Status(code=Status.STATUS_CODE_ERROR if error else Status.STATUS_CODE_UNSET),
    )


def send(port: int, service: str, *spans: Span) -> None:
    """Send spans of a service to a Collector on loopback; raises grpc.RpcError when it refuses."""
    about = _resource({"service.name": service})
    scope = ScopeSpans(spans=spans)
    request = ExportTraceServiceRequest(resource_spans=[ResourceSpans(resource=about, scope_spans=[scope])])
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        TraceServiceStub(channel).Export(request, timeout=60)  # type: ignore[no-untyped-call]


def record(text: str, trace: int = 0, number: int = 1, *, age_seconds: float = 0) -> LogRecord:
    """A log record that was made a time ago, within a span of a numbered trace or outside of any."""
    made = time.time_ns() - int(1000 * age_seconds) * MS
    body = AnyValue(string_value=text)
    attributes = [KeyValue(key="http.route", value=AnyValue(string_value="/users/{id}"))]
    return LogRecord(
        time_unix_nano=made,
        body=body,
        severity_text="WARN",
        attributes=attributes,
        # empty outside of any span
        trace_id=trace_id(trace) if trace else b"",
        span_id=number.to_bytes(8, "big") if trace else b"",
    )


def send_records(port: int, resource: dict[str, str], *records: LogRecord) -> None:
    """Send log records of a resource to a Collector on loopback; raises grpc.RpcError when it refuses."""
    send_log_request(port, log_request(resource, *records))


def send_log_request(port: int, request: ExportLogsServiceRequest) -> None:
    """Send log records to a Collector on loopback; raises grpc.RpcError when it refuses."""
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        LogsServiceStub(channel).Export(request, timeout=60)  # type: ignore[no-untyped-call]


def log_request(resource: dict[str, str], *records: LogRecord) -> ExportLogsServiceRequest:
    """Log records of a resource as OTLP sends them."""
    scope = ScopeLogs(log_records=records)
    return ExportLogsServiceRequest(resource_logs=[ResourceLogs(resource=_resource(resource), scope_logs=[scope])])


def _resource(attributes: dict[str, str]) -> Resource:
    pairs = [KeyValue(key=key, value=AnyValue(string_value=value)) for key, value in attributes.items()]
    return Resource(attributes=pairs)
