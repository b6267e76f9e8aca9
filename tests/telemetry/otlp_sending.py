"""Spans made by hand, as OTLP over gRPC."""

from __future__ import annotations

import time

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

MS = 1_000_000
"""Nanoseconds."""


def trace_id(number: int) -> bytes:
    """Spread like random ones: the samplers' hash is of the whole id."""
    return (number * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128).to_bytes(16, "big")


def span(trace: int, number: int, *, milliseconds: int = 5, error: bool = False) -> Span:
    """A span of a numbered trace that begins now."""
    began = time.time_ns()
    return Span(
        trace_id=trace_id(trace),
        span_id=number.to_bytes(8, "big"),
        name=f"hop {number}",
        start_time_unix_nano=began,
        end_time_unix_nano=began + milliseconds * MS,
        status=Status(code=Status.STATUS_CODE_ERROR if error else Status.STATUS_CODE_UNSET),
    )


def send(port: int, service: str, *spans: Span) -> None:
    """Send spans of a service to a Collector on loopback; raises grpc.RpcError when it refuses."""
    about = Resource(attributes=[KeyValue(key="service.name", value=AnyValue(string_value=service))])
    scope = ScopeSpans(spans=spans)
    request = ExportTraceServiceRequest(resource_spans=[ResourceSpans(resource=about, scope_spans=[scope])])
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        TraceServiceStub(channel).Export(request, timeout=10)  # type: ignore[no-untyped-call]
