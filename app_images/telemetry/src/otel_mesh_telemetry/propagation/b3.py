"""B3, Zipkin's headers, based on the official package ``opentelemetry-propagator-b3``; used only if configured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.context import Context
from opentelemetry.propagators.b3 import B3MultiFormat, B3SingleFormat
from opentelemetry.trace import get_current_span

if TYPE_CHECKING:
    from opentelemetry.trace import SpanContext

    from otel_mesh_telemetry.propagation.carrier import Lookup

_NO_CONTEXT = Context()
_MAX_LENGTH = 128


class B3:
    """Reader of both B3 formats, and writer of one of them.

    Args:
        single: True: write the single header ``b3``; false: write the ``x-b3-*`` headers.
    """

    reads = ("b3", "x-b3-traceid", "x-b3-spanid", "x-b3-sampled", "x-b3-flags")

    def __init__(self, *, single: bool) -> None:
        self.official = B3SingleFormat() if single else B3MultiFormat()

    def read(self, lookup: Lookup) -> SpanContext | None:
        """The caller's span; None if the headers are missing or malformed."""
        carrier = {name: value for name in self.reads if (value := lookup(name)) and len(value) <= _MAX_LENGTH}
        if not carrier:
            return None
        found = get_current_span(self.official.extract(carrier, _NO_CONTEXT)).get_span_context()
        return found if found.is_valid else None
