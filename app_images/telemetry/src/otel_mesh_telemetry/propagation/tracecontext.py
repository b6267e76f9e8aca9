"""Reader of W3C trace context, with a fast path for the most common header."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from opentelemetry.context import Context
from opentelemetry.trace import SpanContext, TraceFlags, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

if TYPE_CHECKING:
    from otel_mesh_telemetry.propagation.carrier import Lookup

OFFICIAL = TraceContextTextMapPropagator()
_NO_CONTEXT = Context()
_MAX_LENGTH = 512  # later versions may be longer; this limit is generous
_PARTS = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})").fullmatch
_FLAGS = {f"{value:02x}": TraceFlags(value) for value in range(256)}
_REMOTE = True

FIELDS = ("traceparent", "tracestate")


def read(lookup: Lookup) -> SpanContext | None:
    """The caller's span; None if the headers are missing or malformed.

    Version 00 headers without ``tracestate`` are parsed by a regular expression; all others by the official propagator,
    so that the corner cases are implemented once.
    """
    header = lookup("traceparent")
    if header is None or len(header) > _MAX_LENGTH:
        return None
    state = lookup("tracestate")
    if not state and (quick := parse(header)) is not None:
        return quick
    carrier = {"traceparent": header, "tracestate": state} if state else {"traceparent": header}
    found = get_current_span(OFFICIAL.extract(carrier, _NO_CONTEXT)).get_span_context()
    return found if found.is_valid else None


def parse(header: str) -> SpanContext | None:
    """The span context of a well-formed version 00 header; None for any other."""
    match = _PARTS(header)
    if match is None:
        return None
    trace_id, span_id, flags = match.groups()
    found = SpanContext(int(trace_id, 16), int(span_id, 16), _REMOTE, _FLAGS[flags])
    return found if found.is_valid else None
