"""An HTTP request in progress: the outcome and the end of its response."""

from __future__ import annotations

from time import perf_counter, time_ns
from typing import TYPE_CHECKING, Any

from opentelemetry.context import Context
from opentelemetry.trace import StatusCode

from otel_mesh_telemetry import exceptions

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    from opentelemetry.trace import Span

    from otel_mesh_telemetry.deadline import Deadline
    from otel_mesh_telemetry.http_metrics import ServerMetrics
    from otel_mesh_telemetry.routes import RouteIndex

    Message = MutableMapping[str, Any]
    Send = Callable[[Message], Awaitable[None]]

ERROR_FROM = 500
_LATE = 0.001  # seconds
_NO_CONTEXT = Context()
_BODIES = frozenset({"http.response.body", "http.response.zerocopysend", "http.response.pathsend"})
"""ASGI messages with the response body; the last two belong to extensions that send files."""


class Exchange:
    """Observes the messages an application sends; ends span, duration and deadline with the last one.

    Args:
        scope: ASGI scope of the request.
        send: The server's ``send``.
        span: Server span of the request.
        context: Context with the span.
        entered: Deadline of the request.
        metrics: Instruments that record the duration.
        routes: Index of route templates.
        name: Name of the span before routing.
        method: Value of ``http.request.method`` in metrics.
    """

    __slots__ = (
        "_active",
        "_began",
        "_context",
        "_entered",
        "_error",
        "_finished",
        "_method",
        "_metrics",
        "_name",
        "_response_end",
        "_routes",
        "_scheme",
        "_scope",
        "_send",
        "_span",
        "_status",
    )

    def __init__(  # noqa: PLR0913, PLR0917 - positional for speed; there is one caller
        self,
        scope: MutableMapping[str, Any],
        send: Send,
        span: Span,
        context: Context,
        entered: Deadline,
        metrics: ServerMetrics,
        routes: RouteIndex,
        name: str,
        method: str,
    ) -> None:
        self._scope = scope
        self._send = send
        self._span = span
        self._context = context
        self._entered = entered
        self._metrics = metrics
        self._routes = routes
        self._name = name
        self._method = method
        self._status: int | None = None
        self._error: str | None = None
        self._response_end: float | None = None
        self._finished = False
        self._scheme = scheme = scope.get("scheme", "http")
        self._active = metrics.active(method, scheme)
        self._active.append(None)
        self._began = perf_counter()

    def send(self, message: Message) -> Awaitable[None]:
        """Forward a message; only the last message needs a coroutine of its own."""
        kind = message["type"]
        if kind == "http.response.start":
            self._status = message["status"]
        elif kind in _BODIES and not message.get("more_body"):
            return self._last(message)
        return self._send(message)

    async def _last(self, message: Message) -> None:
        await self._send(message)
        self._response_end = now = perf_counter()
        self._entered.remove()
        status = self._status
        # After a response of status 500 the exception that caused it may still be raised.
        if status is None or status < ERROR_FROM:
            self._end(now - self._began, None, None)

    def failed(self, exception: Exception) -> None:
        """Record an unhandled exception of the application, unless the response was already complete."""
        if not self._finished and not disconnected(exception):
            self._error = type(exception).__qualname__
            exceptions.record(self._span, exception)

    def finish(self) -> None:
        """End the request unless its response has ended it; later calls do nothing."""
        if self._finished:
            return
        now = perf_counter()
        answered = self._response_end or now
        error, status = self._error, self._status
        if error is None and status is not None and status >= ERROR_FROM:
            error = str(status)
        # Background tasks run between the response and the exception; their time does not belong to the request.
        late = now - answered
        self._end(answered - self._began, error, time_ns() - int(late * 1e9) if late > _LATE else None)

    def _end(self, seconds: float, error: str | None, end_time: int | None) -> None:
        self._finished = True
        self._active.pop()
        span, status = self._span, self._status
        route = self._routes.template(self._scope)
        recorded = span.is_recording()
        key = (self._method, self._scheme, route, status, error)
        self._metrics.record(seconds, key, self._context if recorded else _NO_CONTEXT)
        if recorded:
            describe(span, self._name, route, status, error, complete=self._response_end is not None)
            span.end(end_time)


def disconnected(exception: BaseException) -> bool:
    """True if the exception reports a disconnected client.

    Covers Starlette's ClientDisconnect and the OSError that servers raise in send() after a disconnect (ASGI 2.4).
    """
    return isinstance(exception, ConnectionError) or type(exception).__name__ == "ClientDisconnect"


def describe(  # noqa: PLR0913 - the outcome of a request
    span: Span, name: str, route: str | None, status: int | None, error: str | None, *, complete: bool
) -> None:
    """Set a span's name, attributes and status by the outcome of its request."""
    # Set one by one: set_attributes() costs more than two set_attribute() calls.
    if route is not None:
        span.update_name(f"{name} {route}")
        span.set_attribute("http.route", route)
    if status is not None:
        span.set_attribute("http.response.status_code", status)
    if error is not None:
        span.set_attribute("error.type", error)
        span.set_status(StatusCode.ERROR)
    elif not complete:
        span.set_attribute("otel_mesh.response.incomplete", True)  # noqa: FBT003 - an attribute's value
