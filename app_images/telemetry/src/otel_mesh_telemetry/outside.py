"""What a service makes of the trace context that its callers send, where those may be anybody.

Inside a mesh every caller is one of ours, and its context is continued. From outside, a ``traceparent`` would decide
what is sampled and into whose trace this service's spans go, ``baggage`` would travel on to every service behind, and
``x-ab-group`` would choose the variant of an experiment.
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
    """What becomes of a caller's context."""

    CONTINUE = "continue"
    """It is believed: trace, sampling decision, baggage and all."""
    LINK = "link"
    """A trace of our own begins, with a link to the caller's span; baggage and ``x-ab-group`` are left behind."""
    RESTART = "restart"
    """A trace of our own begins, and nothing of the caller's is kept."""


def outside_from(environ: Mapping[str, str] | None = None) -> Outside:
    """What OTEL_MESH_OUTSIDE_CONTEXT says: ``continue`` (the default), ``link`` or ``restart``.

    Raises:
        ConfigError: it is none of them.
    """
    value = (os.environ if environ is None else environ).get(VARIABLE, "").strip() or Outside.CONTINUE
    try:
        return Outside(value)
    except ValueError:
        raise ConfigError(f"{VARIABLE}={value!r}: not known; set one of {', '.join(Outside)}") from None


def begin_anew(
    outside: Outside, carrier: dict[str, str], propagator: TextMapPropagator
) -> tuple[Context, tuple[Link, ...]]:
    """The context and links of a request whose caller is not continued; the carrier loses what is not believed."""
    links: tuple[Link, ...] = ()
    if outside is Outside.LINK:
        caller = get_current_span(propagator.extract(carrier, NO_CONTEXT)).get_span_context()
        links = (Link(caller),) if caller.is_valid else ()
    carrier.pop(AB_GROUP, None)
    return NO_CONTEXT, links
