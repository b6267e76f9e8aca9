"""One HTTP request under way: what its answer says, and when it is over."""

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
"""Messages that carry the body, or the last of it; extensions of ASGI send files by the other two."""


class Exchange:
    """Watches what the application sends, and ends span, duration and deadline with the last of it.

    Args:
        scope: of the request.
        send: the server's.
        span: of the request.
        context: with that span.
        entered: the request's deadline.
        metrics: where its duration goes.
        routes: name its route.
        name: of the span, before the route is known.
        method: as measured.
    """

    __slots__ = (
        "_active",
        "_answered",
        "_began",
        "_context",
        "_entered",
        "_error",
        "_finished",
        "_method",
        "_metrics",
        "_name",
        "_routes",
        "_scheme",
        "_scope",
        "_send",
        "_span",
        "_status",
    )

    def __init__(  # noqa: PLR0913, PLR0917 - of one caller, which is counted in microseconds
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
        self._answered: float | None = None
        self._finished = False
        self._scheme = scheme = scope.get("scheme", "http")
        self._active = metrics.active(method, scheme)
        self._active.append(None)
        self._began = perf_counter()

    def send(self, message: Message) -> Awaitable[None]:
        """Pass a message on; no coroutine of its own but for the last one."""
        kind = message["type"]
        if kind == "http.response.start":
            self._status = message["status"]
        elif kind in _BODIES and not message.get("more_body"):
            return self._last(message)
        return self._send(message)

    async def _last(self, message: Message) -> None:
        await self._send(message)
        self._answered = now = perf_counter()
        self._entered.over()
        status = self._status
        # After an answer of 500 the exception that made it necessary may still come.
        if status is None or status < ERROR_FROM:
            self._end(now - self._began, None, None)

    def failed(self, exception: Exception) -> None:
        """Take note of an exception that has escaped the application, unless the answer was whole before."""
        if not self._finished and not disconnected(exception):
            self._error = type(exception).__qualname__
            exceptions.record(self._span, exception)

    def finish(self) -> None:
        """End the request where its answer has not; later calls do nothing."""
        if self._finished:
            return
        now = perf_counter()
        answered = self._answered or now
        error, status = self._error, self._status
        if error is None and status is not None and status >= ERROR_FROM:
            error = str(status)
        # What ran between the answer and its exception, a background task, is no part of the request.
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
            describe(span, self._name, route, status, error, complete=self._answered is not None)
            span.end(end_time)


def disconnected(exception: BaseException) -> bool:
    """Whether the exception only says that the caller is gone.

    Starlette's ClientDisconnect, and what servers raise in send() once the caller is gone: an OSError (ASGI 2.4).
    """
    return isinstance(exception, ConnectionError) or type(exception).__name__ == "ClientDisconnect"


def describe(  # noqa: PLR0913 - the outcome of a request
    span: Span, name: str, route: str | None, status: int | None, error: str | None, *, complete: bool
) -> None:
    """Tell a span the outcome of its request."""
    # One by one: set_attributes() walks through the mapping as if it were of anything, which takes longer than two.
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
