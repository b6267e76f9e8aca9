"""Handling of trace context from callers outside the mesh.

Callers inside the mesh are trusted and their trace is continued. Callers outside could use ``traceparent`` to control
sampling and to add spans to foreign traces, ``baggage`` to send entries to all downstream services, and ``x-ab-group``
to select the variant of an experiment.
"""

from __future__ import annotations

import os
from enum import StrEnum
from typing import TYPE_CHECKING

from opentelemetry.context import Context
from opentelemetry.trace import Link, get_current_span

from otel_mesh_telemetry.config import ConfigError
from otel_mesh_telemetry.headers import AB_GROUP

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.propagators.textmap import TextMapPropagator

VARIABLE = "OTEL_MESH_OUTSIDE_CONTEXT"
NO_CONTEXT = Context()


class Outside(StrEnum):
    """Handling of the caller's trace context."""

    CONTINUE = "continue"
    """Continue the caller's trace, with its sampling decision and baggage."""
    LINK = "link"
    """Start a new trace with a link to the caller's span; baggage and ``x-ab-group`` are dropped."""
    RESTART = "restart"
    """Start a new trace without a link; baggage and ``x-ab-group`` are dropped."""


def outside_from(environ: Mapping[str, str] | None = None) -> Outside:
    """The value of OTEL_MESH_OUTSIDE_CONTEXT: ``continue`` (the default), ``link`` or ``restart``.

    Raises:
        ConfigError: The value is unknown.
    """
    value = (os.environ if environ is None else environ).get(VARIABLE, "").strip() or Outside.CONTINUE
    try:
        return Outside(value)
    except ValueError:
        raise ConfigError(f"{VARIABLE}={value!r}: unknown value; set one of {', '.join(Outside)}") from None


def start_new_trace(
    outside: Outside, carrier: dict[str, str], propagator: TextMapPropagator
) -> tuple[Context, tuple[Link, ...]]:
    """The context and links for a new trace; untrusted headers are removed from the carrier."""
    links: tuple[Link, ...] = ()
    if outside is Outside.LINK:
        caller = get_current_span(propagator.extract(carrier, NO_CONTEXT)).get_span_context()
        links = (Link(caller),) if caller.is_valid else ()
    carrier.pop(AB_GROUP, None)
    return NO_CONTEXT, links
