"""The instrumentation scope of what this library makes: its version and the conventions that it follows."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opentelemetry.metrics import Meter, MeterProvider
    from opentelemetry.trace import Tracer, TracerProvider

SCHEMA_URL = "https://opentelemetry.io/schemas/1.44.0"
"""Release of the semantic conventions whose names are used; a test compares them with the installed registry."""


VERSION = "0.1.0"
"""Of this library, as its metadata has it; a literal, because reading those costs as much as importing all the rest."""


def tracer_of(provider: TracerProvider, name: str) -> Tracer:
    """A tracer whose spans tell the library's version and the conventions' release."""
    return provider.get_tracer(name, VERSION, schema_url=SCHEMA_URL)


def meter_of(provider: MeterProvider, name: str) -> Meter:
    """A meter whose measurements tell the library's version and the conventions' release."""
    return provider.get_meter(name, VERSION, schema_url=SCHEMA_URL)
