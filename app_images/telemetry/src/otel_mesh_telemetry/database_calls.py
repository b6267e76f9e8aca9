"""What clients of all databases measure alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_mesh_telemetry.instrumentation import meter_of

if TYPE_CHECKING:
    from opentelemetry.metrics import Histogram, MeterProvider

BOUNDARIES = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0)
"""Seconds; the boundaries that the database conventions advise."""


def duration_histogram(meter_provider: MeterProvider, scope: str) -> Histogram:
    """``db.client.operation.duration``.

    Args:
        meter_provider: where measurements go.
        scope: name of the instrumentation that measures.
    """
    return meter_of(meter_provider, scope).create_histogram(
        "db.client.operation.duration",
        unit="s",
        description="Duration of database client operations.",
        explicit_bucket_boundaries_advisory=BOUNDARIES,
    )
