"""The trace header of Linkerd 1.x, read for compatibility and never written.

``l5d-ctx-trace`` is base64 of Finagle's trace id, big-endian: span id, parent id, trace id, flags, 8 bytes each,
and for 128-bit trace ids the high half, 8 more. ``l5d-sample`` is a rate from 0 to 1 that decides where the flags
leave it open; values outside are rounded into the range.
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
_LONGEST_RATE = 24
_REMOTE = True


def read(lookup: Lookup) -> SpanContext | None:
    """The caller's span; None when the header is missing or malformed.

    The span that Linkerd made is the parent of ours. No decision and no rate counts as not sampled, as it does in
    the official B3 propagator.
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
    if rate is None or len(rate) > _LONGEST_RATE:
        return False
    try:
        wanted = float(rate)
    except ValueError:
        return False
    # By the trace id, so that every service that sees this trace decides alike. NaN compares false: not sampled.
    return wanted >= 1 or trace_id < wanted * 2**64
