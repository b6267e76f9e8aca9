"""The duration metric shared by all database clients."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_mesh_telemetry.instrumentation import meter_of

if TYPE_CHECKING:
    from opentelemetry.metrics import Histogram, MeterProvider

BOUNDARIES = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0)
"""Histogram bucket boundaries in seconds, as recommended by the semantic conventions for databases."""


def duration_histogram(meter_provider: MeterProvider, scope: str) -> Histogram:
    """The histogram ``db.client.operation.duration``.

    Args:
        meter_provider: Provider of the meter.
        scope: Name of the instrumentation scope.
    """
    return meter_of(meter_provider, scope).create_histogram(
        "db.client.operation.duration",
        unit="s",
        description="Duration of database client operations.",
        explicit_bucket_boundaries_advisory=BOUNDARIES,
    )
