"""Reading W3C trace context, with a short way for the header that nearly every request carries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.context import Context
from opentelemetry.trace import SpanContext, TraceFlags, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

if TYPE_CHECKING:
    from otel_mesh_telemetry.propagation.carrier import Lookup

OFFICIAL = TraceContextTextMapPropagator()
_NO_CONTEXT = Context()
_LENGTH = 55  # version 00: 00-<32 hex>-<16 hex>-<2 hex>
_LONGEST = 512  # later versions may be longer, but nobody needs more
_DASHES = 3
_ALPHABET = "0123456789abcdef-"
_REMOTE = True

FIELDS = ("traceparent", "tracestate")


def read(lookup: Lookup) -> SpanContext | None:
    """The caller's span; None when the headers are missing or malformed.

    A version 00 header without ``tracestate`` is read here without a regular expression; anything else goes to
    the official propagator, so that there is one implementation of the corner cases.
    """
    header = lookup("traceparent")
    if header is None or len(header) > _LONGEST:
        return None
    state = lookup("tracestate")
    if not state and (quick := parse(header)) is not None:
        return quick
    carrier = {"traceparent": header, "tracestate": state} if state else {"traceparent": header}
    found = get_current_span(OFFICIAL.extract(carrier, _NO_CONTEXT)).get_span_context()
    return found if found.is_valid else None


def parse(header: str) -> SpanContext | None:
    """The span context of a well-formed version 00 header, None for any other."""
    if (
        len(header) == _LENGTH
        and header[:3] == "00-"
        and header[35] == header[52] == "-"
        and header.count("-") == _DASHES
        and not header.strip(_ALPHABET)  # only these characters; int() alone would take "+", "_" and spaces
    ):
        flags = TraceFlags(int(header[53:], 16))
        found = SpanContext(int(header[3:35], 16), int(header[36:52], 16), _REMOTE, flags)
        if found.is_valid:
            return found
    return None
