"""A trace as calls within calls: where its time went, and where its failure began."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from otel_mesh.collector.service_graph import CALLERS_MISTAKES
from otel_mesh_cli.oncall import traces

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from otel_mesh_cli.oncall.traces import Span

_CLIENT_ERRORS = range(400, 500)


def is_fault(span: Span) -> bool:
    """Whether a span is a failure of the callee.

    The status of a client span is ERROR for every response from 400 on; responses below 500 are not failures here, as
    in the service map.
    """
    if not span.failed:
        return False
    if span.kind != "client":
        return True
    status = span.tags.get("http.response.status_code")
    answered = isinstance(status, int) and status in _CLIENT_ERRORS
    return not answered and span.tags.get("rpc.response.status_code") not in CALLERS_MISTAKES


@dataclass(frozen=True)
class Failure:
    """Where the failure of a trace began."""

    span: Span
    """The failed span."""
    culprit: str
    """Name of the service or store that failed first."""
    reason: str
    """Status code, error type, and what the spans below say."""


class CallTree:
    """The spans of one trace by their parents.

    Args:
        spans: Spans of the trace, at least one, in any order.
    """

    def __init__(self, spans: Iterable[Span]) -> None:
        # a Collector that retries after an outage may send a span twice
        once = {span.span_id: span for span in spans}
        self.spans: Sequence[Span] = sorted(once.values(), key=lambda span: span.start_us)
        self.roots = traces.roots(self.spans)
        self._children: dict[str | None, list[Span]] = {}
        for span in self.spans:
            self._children.setdefault(span.parent_id, []).append(span)

    @property
    def trace_id(self) -> str:
        """Trace id: 32 hexadecimal digits."""
        return self.spans[0].trace_id

    def children(self, span: Span) -> Sequence[Span]:
        """Child spans by start time."""
        return self._children.get(span.span_id, ())

    def below(self, span: Span) -> Iterator[Span]:
        """A span and all its descendants."""
        todo, seen = [span], {span.span_id}
        while todo:
            yield (one := todo.pop())
            more = [child for child in self.children(one) if child.span_id not in seen]
            seen.update(child.span_id for child in more)
            todo += reversed(more)

    def self_us(self, span: Span) -> int:
        """Microseconds of a span in which none of its children ran."""
        spent, until = 0, span.start_us
        for child in self.children(span):
            begins, ends = max(child.start_us, until), min(child.end_us, span.end_us)
            spent += max(0, ends - begins)
            until = max(until, ends)
        return span.duration_us - spent

    def entry(self, service: str, operation: str | None = None) -> Span | None:
        """The first server span of a service in this trace: its own, or for a gateway its proxy's."""
        served = [
            span
            for span in self.spans
            if span.service == service and span.kind == "server" and operation in (None, span.name)
        ]
        own = (span for span in served if span.proxy is None)
        return next(own, served[0] if served else None)

    def slowest_hop(self, span: Span) -> Span:
        """Where most of a span's time went: the span itself or a descendant."""
        return max(self.below(span), key=self.self_us)

    def hop(self, span: Span) -> str:
        """A span as text: ``payment-service  POST /payments``, or ``a → b  POST /x`` for a call from a to b."""
        if span.kind != "client":
            who = f"{span.service} ({span.proxy})" if span.proxy else span.service
            return f"{who}  {span.name}"
        return f"{span.service}{f' ({span.proxy})' if span.proxy else ''} → {self.callee(span)}  {span.name}"

    def callee(self, span: Span) -> str:
        """Callee of a client span: as the span says, else the service that answered."""
        answered = (child.service for child in self.children(span) if child.service != span.service)
        return span.callee or next(answered, "unknown")

    def first_failure(self) -> Failure | None:
        """The earliest failed span without a failed child; None where no span failed."""
        origins = [
            span for span in self.spans if is_fault(span) and not any(is_fault(one) for one in self.children(span))
        ]
        if not origins:
            return None
        first = min(origins, key=lambda span: span.end_us)
        flags = str(first.tags.get("otel_mesh.proxy.response_flags", ""))
        reason = " ".join(part for part in (first.outcome, flags) if part) or "error"
        if first.kind != "client":
            return Failure(first, first.service, reason)
        answers = [one for one in self.children(first) if one.kind in ("server", "client")]
        if not answers:
            return Failure(
                first, self.callee(first), reason if first.is_database else f"{reason}, no span of the callee"
            )
        if any(one.end_us > first.end_us for one in answers):
            return Failure(first, self.callee(first), f"{reason}, callee still working when its caller gave up")
        return Failure(first, first.service, f"{reason}, although the callee succeeded")
