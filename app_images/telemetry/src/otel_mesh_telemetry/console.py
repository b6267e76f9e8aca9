"""Exporters of spans and metrics to standard output, one JSON object per line; for development only.

Log records are written to standard output in any case (:mod:`otel_mesh_telemetry.logs`).
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from opentelemetry.sdk.metrics.export import ConsoleMetricExporter
from opentelemetry.sdk.trace.export import ConsoleSpanExporter

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import MetricExporter, MetricsData
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import SpanExporter


def _span_line(span: ReadableSpan) -> str:
    return f"{span.to_json(indent=None)}\n"


def _metrics_line(data: MetricsData) -> str:
    return f"{data.to_json(indent=None)}\n"


def span_exporter() -> SpanExporter:
    """An exporter that writes one line per span."""
    return ConsoleSpanExporter(out=sys.stdout, formatter=_span_line)


def metric_exporter() -> MetricExporter:
    """An exporter that writes one line per collection of metrics."""
    return ConsoleMetricExporter(out=sys.stdout, formatter=_metrics_line)
