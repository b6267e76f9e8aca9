"""Context that crosses process borders: what is read from a caller and what is sent to a callee."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

if TYPE_CHECKING:
    from opentelemetry.propagators.textmap import TextMapPropagator


def build_propagator() -> TextMapPropagator:
    """W3C trace context, then W3C baggage."""
    return CompositePropagator([TraceContextTextMapPropagator(), W3CBaggagePropagator()])
