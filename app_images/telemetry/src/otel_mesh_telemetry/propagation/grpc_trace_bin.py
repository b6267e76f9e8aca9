"""``grpc-trace-bin``, OpenCensus's binary trace context, which Linkerd's proxy prefers to B3.

Version byte 0, followed by fields, each an ID byte and its value: 0 trace ID (16 bytes), 1 span ID (8 bytes), 2 options
(1 byte, bit 0: sampled). Readers stop at the first unknown field. Text headers hold the bytes in base64.
"""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING

from opentelemetry.trace import SpanContext, TraceFlags

if TYPE_CHECKING:
    from otel_mesh_telemetry.propagation.carrier import Lookup

NAME = "grpc-trace-bin"
FIELDS = (NAME,)

_WIDTHS = {0: 16, 1: 8, 2: 1}
_MAX_LENGTH = 256
_REMOTE = True


def read(lookup: Lookup) -> SpanContext | None:
    """The caller's span from the base64 text of the header; None if it is missing or malformed."""
    header = lookup(NAME)
    if header is None or not 0 < len(header) <= _MAX_LENGTH:
        return None
    try:
        return decode(b64decode(header + "=" * (-len(header) % 4), validate=True))
    except (binascii.Error, ValueError):
        return None


def decode(raw: bytes) -> SpanContext | None:
    """The span context in a binary header; None if it is malformed."""
    if not 1 <= len(raw) <= _MAX_LENGTH or raw[0] != 0:
        return None
    values = dict.fromkeys(_WIDTHS, 0)
    position = 1
    while position < len(raw) and (width := _WIDTHS.get(raw[position])):
        value = raw[position + 1 : position + 1 + width]
        if len(value) < width:
            return None
        values[raw[position]] = int.from_bytes(value)
        position += 1 + width
    found = SpanContext(values[0], values[1], _REMOTE, TraceFlags(values[2] & TraceFlags.SAMPLED))
    return found if found.is_valid else None


def encode(span: SpanContext) -> bytes:
    """The binary header of a span, 29 bytes."""
    return b"".join(
        (
            b"\0\0",
            span.trace_id.to_bytes(16),
            b"\1",
            span.span_id.to_bytes(8),
            b"\2",
            bytes([span.trace_flags & TraceFlags.SAMPLED]),
        )
    )


def encode_text(span: SpanContext) -> str:
    """The text header of a span, with the base64 padding required by Linkerd's decoder."""
    return b64encode(encode(span)).decode("ascii")
