"""OTLP exporters by signal and protocol.

The SDK's exporters are imported on creation: gRPC and protobuf take 100 ms or more to import, which programs using
only the propagators or the test helpers need not pay. Endpoint, TLS, headers and compression come from the
OTEL_EXPORTER_OTLP_* variables.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from otel_mesh_telemetry.exceptions import RedactedSpans
from otel_mesh_telemetry.steady import mixins

if TYPE_CHECKING:
    from opentelemetry.sdk._logs.export import LogRecordExporter
    from opentelemetry.sdk.metrics.export import MetricExporter
    from opentelemetry.sdk.trace.export import SpanExporter

_PACKAGES = {"grpc": "grpc", "http/protobuf": "http"}


def _exporter(protocol: str, module: str, name: str, timeout: float | None, *before: type) -> Any:  # noqa: ANN401 - one of six classes
    package = f"opentelemetry.exporter.otlp.proto.{_PACKAGES[protocol]}"
    official = getattr(import_module(f"{package}.{module}"), name)
    extended = type(name, (*before, *mixins(protocol), official), {})
    return extended() if timeout is None else extended(timeout=timeout)


def span_exporter(protocol: str, timeout: float | None = None) -> SpanExporter:
    """An exporter of spans; ``timeout`` in seconds, None for the value from the environment."""
    return cast("SpanExporter", _exporter(protocol, "trace_exporter", "OTLPSpanExporter", timeout, RedactedSpans))


def metric_exporter(protocol: str, timeout: float | None = None) -> MetricExporter:
    """An exporter of metrics; ``timeout`` in seconds, None for the value from the environment."""
    return cast("MetricExporter", _exporter(protocol, "metric_exporter", "OTLPMetricExporter", timeout))


def log_exporter(protocol: str, timeout: float | None = None) -> LogRecordExporter:
    """An exporter of log records; ``timeout`` in seconds, None for the value from the environment."""
    return cast("LogRecordExporter", _exporter(protocol, "_log_exporter", "OTLPLogExporter", timeout))
