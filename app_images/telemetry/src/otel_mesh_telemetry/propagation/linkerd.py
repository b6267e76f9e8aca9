"""The trace header of Linkerd 1.x, read for compatibility and never written.

``l5d-ctx-trace`` is Finagle's trace ID, big-endian in base64: span ID, parent ID, trace ID and flags, 8 bytes each; for
128-bit trace IDs the high half follows, another 8 bytes. ``l5d-sample`` is a sampling rate from 0 to 1, used if the
flags contain no decision; values outside are clamped to the range.
"""

from __future__ import annotations

import binascii
import struct
from base64 import b64decode
from typing import TYPE_CHECKING

from opentelemetry.trace import SpanContext, TraceFlags

if TYPE_CHECKING:
    from otel_mesh_telemetry.propagation.carrier import Lookup

FIELDS = ("l5d-ctx-trace", "l5d-sample")

_DEBUG, _SAMPLING_KNOWN, _SAMPLED = 1, 2, 4
_SHORT, _LONG = 32, 40
_ENCODED = {43: _SHORT, 44: _SHORT, 54: _LONG, 56: _LONG}  # with and without padding
_MAX_RATE_LENGTH = 24
_REMOTE = True


def read(lookup: Lookup) -> SpanContext | None:
    """The caller's span; None if the header is missing or malformed.

    The parent is the span created by Linkerd. Without a decision and a rate it counts as not sampled, as in the
    official B3 propagator.
    """
    header = lookup("l5d-ctx-trace")
    if header is None or len(header) not in _ENCODED:
        return None
    try:
        raw = b64decode(header + "=" * (-len(header) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
    if len(raw) != _ENCODED[len(header)]:
        return None
    span_id, _parent_id, low, flags = struct.unpack(">4Q", raw[:_SHORT])
    high = struct.unpack(">Q", raw[_SHORT:])[0] if len(raw) == _LONG else 0
    sampled = _sampled(flags, low, lookup("l5d-sample"))
    trace_flags = TraceFlags(TraceFlags.SAMPLED if sampled else TraceFlags.DEFAULT)
    found = SpanContext(high << 64 | low, span_id, _REMOTE, trace_flags)
    return found if found.is_valid else None


def _sampled(flags: int, trace_id: int, rate: str | None) -> bool:
    if flags & _DEBUG:
        return True
    if flags & _SAMPLING_KNOWN:
        return bool(flags & _SAMPLED)
    if rate is None or len(rate) > _MAX_RATE_LENGTH:
        return False
    try:
        wanted = float(rate)
    except ValueError:
        return False
    # Based on the trace ID, so that all services decide alike. NaN compares false: not sampled.
    return wanted >= 1 or trace_id < wanted * 2**64
