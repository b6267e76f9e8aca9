"""Exceptions recorded on spans, with secrets removed."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import Status

from otel_mesh_telemetry import redact

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.trace import Span

_MESSAGE, _STACKTRACE, _ESCAPED = "exception.message", "exception.stacktrace", "exception.escaped"
_MAX_STACK_LENGTH = 16_384


def record(span: Span, exception: BaseException) -> None:
    """Add the event ``exception`` to a span that is recording.

    ``Span.record_exception`` would add the message unredacted, and the deprecated attribute ``exception.escaped``.
    """
    if not span.is_recording():
        return
    kind = type(exception)
    try:
        stack = "".join(traceback.format_exception(exception))
        message = str(exception)
    except Exception as error:  # noqa: BLE001 - an exception whose __str__ fails must still be recorded
        stack = "".join(traceback.format_tb(exception.__traceback__))
        message = f"<no message: __str__ raised {type(error).__name__}>"
    span.add_event(
        "exception",
        {
            "exception.type": kind.__qualname__
            if kind.__module__ == "builtins"
            else f"{kind.__module__}.{kind.__qualname__}",
            _MESSAGE: redact.text(message),
            _STACKTRACE: redact.text(stack[-_MAX_STACK_LENGTH:]),  # the end names the raised exception
        },
    )


class _RedactedSpan(ReadableSpan):
    """A copy of a span with replaced events and status, and the original's counts of dropped items."""

    def __init__(self, span: ReadableSpan, events: Sequence[Event], status: Status) -> None:
        super().__init__(
            name=span.name,
            context=span.context,
            parent=span.parent,
            resource=span.resource,
            attributes=span.attributes,
            events=events,
            links=span.links,
            kind=span.kind,
            status=status,
            start_time=span.start_time,
            end_time=span.end_time,
            instrumentation_scope=span.instrumentation_scope,
        )
        self._dropped = span.dropped_attributes, span.dropped_events, span.dropped_links

    @property
    def dropped_attributes(self) -> int:
        return self._dropped[0]

    @property
    def dropped_events(self) -> int:
        return self._dropped[1]

    @property
    def dropped_links(self) -> int:
        return self._dropped[2]


def redacted(span: ReadableSpan) -> ReadableSpan:
    """A span with secrets removed from its exceptions and its status, whichever instrumentation created it."""
    status = span.status
    if status.description is None and not span.events:
        return span
    if status.description is not None:
        status = Status(status.status_code, redact.text(status.description))
    return _RedactedSpan(span, [_event(event) for event in span.events], status)


def _event(event: Event) -> Event:
    if event.name != "exception" or not event.attributes:
        return event
    attributes = {
        key: redact.text(value) if isinstance(value, str) else value
        for key, value in event.attributes.items()
        if key != _ESCAPED
    }
    return Event(event.name, attributes, event.timestamp)


class RedactedSpans(SpanExporter):
    """Mixin for span exporters; precedes the SDK's class in the bases."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export the spans after :func:`redacted`."""
        return super().export([redacted(span) for span in spans])
