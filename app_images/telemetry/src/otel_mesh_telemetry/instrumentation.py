"""Instrumentation scope of this library's telemetry: its version and schema URL."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opentelemetry.metrics import Meter, MeterProvider
    from opentelemetry.trace import Tracer, TracerProvider

SCHEMA_URL = "https://opentelemetry.io/schemas/1.44.0"
"""Schema URL of the semantic conventions in use; a test compares the names with the installed registry."""


VERSION = "0.1.0"
"""Version of this library; a literal because reading the metadata takes as long as all imports together."""


def tracer_of(provider: TracerProvider, name: str) -> Tracer:
    """A tracer with this library's version and schema URL in its scope."""
    return provider.get_tracer(name, VERSION, schema_url=SCHEMA_URL)


def meter_of(provider: MeterProvider, name: str) -> Meter:
    """A meter with this library's version and schema URL in its scope."""
    return provider.get_meter(name, VERSION, schema_url=SCHEMA_URL)
