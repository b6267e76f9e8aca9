"""A propagator that combines several formats."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from opentelemetry import baggage
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context
from opentelemetry.propagators.textmap import (
    CarrierT,
    Getter,
    Setter,
    TextMapPropagator,
    default_getter,
    default_setter,
)
from opentelemetry.trace import NonRecordingSpan, set_span_in_context

from otel_mesh_telemetry.propagation import baggage_headers, tracecontext
from otel_mesh_telemetry.propagation.carrier import lookup_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from opentelemetry.context import Context as ContextType
    from opentelemetry.trace import SpanContext

    from otel_mesh_telemetry.propagation.carrier import Lookup

    Reader = Callable[[Lookup], SpanContext | None]

_BAGGAGE = W3CBaggagePropagator()


class MeshPropagator(TextMapPropagator):
    """Reads the first well-formed trace context in order of preference; writes all configured formats.

    Malformed headers are treated as missing; they never raise an exception.

    Args:
        readers: Readers of the caller's span, in order of preference.
        writers: Propagators that inject the trace context.
        baggage: True: W3C baggage is read and written.
        baggage_headers: True: ``baggage-*`` headers are read if W3C baggage is missing.
        reads: Names of the headers used by the readers.
    """

    def __init__(
        self,
        readers: Sequence[Reader],
        writers: Sequence[TextMapPropagator],
        *,
        baggage: bool,
        baggage_headers: bool,
        reads: Collection[str],
    ) -> None:
        self._readers = tuple(readers)
        self._writers = (*writers, _BAGGAGE) if baggage else tuple(writers)
        self._baggage = baggage
        self._w3c_first = self._readers[:1] == (tracecontext.read,)
        self.reads_baggage_headers = baggage_headers
        self.reads = frozenset(reads) | ({"baggage"} if baggage else set())

    def extract(
        self,
        carrier: CarrierT,
        context: ContextType | None = None,
        getter: Getter[CarrierT] = default_getter,
    ) -> ContextType:
        """The context with the caller's span and baggage."""
        result = Context() if context is None else context
        if type(carrier) is dict:
            headers = cast("dict[str, object]", carrier)
            prefixed = any(name.startswith(baggage_headers.PREFIX) for name in headers)
            if (quick := self.only_traceparent(headers, prefixed=prefixed)) is not None:
                return set_span_in_context(NonRecordingSpan(quick), result)
        lookup = lookup_of(carrier, getter)
        for read in self._readers:
            found = read(lookup)
            if found is not None:
                result = set_span_in_context(NonRecordingSpan(found), result)
                break
        if self._baggage and (header := lookup("baggage")):
            result = _BAGGAGE.extract({"baggage": header}, result)
            if baggage.get_all(result):
                return result
        if self.reads_baggage_headers:
            result = baggage_headers.read(getter.keys(carrier), lookup, result)
        return result

    def only_traceparent(self, carrier: Mapping[str, object], *, prefixed: bool) -> SpanContext | None:
        """The caller's span if ``traceparent`` is the only header to read, as in most requests; otherwise None.

        Args:
            carrier: Headers by lower-case name.
            prefixed: True: a ``baggage-*`` header is among them.
        """
        if not self._w3c_first or (prefixed and self.reads_baggage_headers):
            return None
        header = carrier.get("traceparent")
        if type(header) is not str or "tracestate" in carrier or "baggage" in carrier:
            return None
        return tracecontext.parse(header)

    def inject(
        self,
        carrier: CarrierT,
        context: ContextType | None = None,
        setter: Setter[CarrierT] = default_setter,
    ) -> None:
        """Write the context's span and baggage into the carrier."""
        for writer in self._writers:
            writer.inject(carrier, context, setter)

    @property
    def fields(self) -> set[str]:
        """Names of the written headers."""
        return {field for writer in self._writers for field in writer.fields}
