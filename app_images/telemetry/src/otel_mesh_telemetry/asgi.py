"""Pure ASGI middleware: one server span and one duration per request."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any

from opentelemetry import context as context_api
from opentelemetry import propagate, trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

from otel_mesh_telemetry import deadline, exceptions
from otel_mesh_telemetry.features import Features
from otel_mesh_telemetry.headers import Headers
from otel_mesh_telemetry.http_metrics import ServerMetrics
from otel_mesh_telemetry.http_server import METHODS, LazyAttributes, request_attributes
from otel_mesh_telemetry.routes import RouteIndex

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping, MutableMapping, Sequence

    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import Span, TracerProvider

    from otel_mesh_telemetry.features import Feature

    Scope = MutableMapping[str, Any]
    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    App = Callable[[Scope, Receive, Send], Awaitable[None]]

PROBES = ("/livez", "/readyz")
_TRACED = "otel_mesh.traced"  # in the scope: an outer middleware has this request already
_ERROR_FROM = 500
_NO_CONTEXT = Context()


class ServerMiddleware:
    """Wraps an ASGI application; WebSocket and lifespan pass through untouched.

    The span is named ``{method} {route}`` once the application has chosen its route, ``{method}`` where none
    matched, so that unknown paths make no new names. A status of 500 and above and an escaping exception make
    it an error; 4xx do not, the caller's mistake is not this service's failure. An answer that was broken off,
    by the caller or at shutdown, is no error either and has ``otel_mesh.response.incomplete``.

    Args:
        app: the application.
        exclude: paths that leave neither a span nor a measurement.
        features: what else is read from a request, in order.
        tracer_provider: where spans go; the global one by default.
        meter_provider: where measurements go; the global one by default.
    """

    def __init__(
        self,
        app: App,
        *,
        exclude: Collection[str] = PROBES,
        features: Sequence[Feature] = (),
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
    ) -> None:
        self.app = app
        self._exclude = frozenset(exclude)
        self._features = Features(features)
        self._tracer = (tracer_provider or trace.get_tracer_provider()).get_tracer("otel_mesh_telemetry.asgi")
        # Set by our own sampler, which never overrules a caller that decided against; unknown ones are asked.
        self._unsampled_is_final = getattr(getattr(self._tracer, "sampler", None), "unsampled_is_final", False)
        self._span_id: Callable[[], int] = getattr(self._tracer, "id_generator", RandomIdGenerator()).generate_span_id
        self._metrics = ServerMetrics(meter_provider)
        self._routes = RouteIndex()
        own = {"host", "user-agent", deadline.HEADER}
        self._headers = Headers(own | self._features.headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection of the ASGI protocol."""
        if scope["type"] != "http" or scope["path"] in self._exclude or _TRACED in scope:
            await self.app(scope, receive, send)
        else:
            scope[_TRACED] = True
            await self._serve(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        method = name = scope["method"]
        if method not in METHODS:
            method, name = "_OTHER", "HTTP"
        scheme = scope.get("scheme", "http")
        propagator = propagate.get_global_textmap()
        carrier = self._headers.read(scope["headers"], propagator)
        context = propagator.extract(carrier, _NO_CONTEXT)
        span = self._start(name, context, scope, carrier)
        context = set_span_in_context(span, context)
        if self._features:
            context = self._features.apply(carrier, span, context)
        status: int | None = None
        complete = False

        async def watching(message: Message) -> None:
            nonlocal status, complete
            if message["type"] == "http.response.start":
                status = message["status"]
            elif message["type"] == "http.response.body" and not message.get("more_body"):
                complete = True
            await send(message)

        error: str | None = None
        token = context_api.attach(context)
        deadline_token = deadline.enter(deadline.parse(carrier.get(deadline.HEADER)))
        self._metrics.started(method, scheme)
        began = perf_counter()
        try:
            await self.app(scope, receive, watching)
        except Exception as exception:
            if not _disconnected(exception):
                error = type(exception).__qualname__
                exceptions.record(span, exception)
            raise
        finally:
            seconds = perf_counter() - began
            deadline.leave(deadline_token)
            context_api.detach(token)
            self._metrics.finished(method, scheme)
            route = self._routes.template(scope)
            if error is None and status is not None and status >= _ERROR_FROM:
                error = str(status)
            self._metrics.record(seconds, (method, scheme, route, status, error), context)
            if span.is_recording():
                _describe(span, name, route, status, error, complete=complete)
            span.end()

    def _start(self, name: str, context: Context, scope: Scope, carrier: dict[str, str]) -> Span:
        attributes: Mapping[str, str | int]
        if self._unsampled_is_final:
            parent = trace.get_current_span(context).get_span_context()
            if parent.trace_flags & TraceFlags.SAMPLED:
                attributes = request_attributes(scope, carrier)
                return self._tracer.start_span(name, context, SpanKind.SERVER, attributes)
            if parent.is_remote:
                # Nobody will record it: a span id of its own is all that the SDK would give it.
                own = SpanContext(
                    parent.trace_id,
                    self._span_id(),
                    is_remote=False,
                    trace_flags=parent.trace_flags,
                    trace_state=parent.trace_state,
                )
                return NonRecordingSpan(own)
        attributes = LazyAttributes(scope, carrier)
        return self._tracer.start_span(name, context, SpanKind.SERVER, attributes)


def _disconnected(exception: Exception) -> bool:
    # Starlette's ClientDisconnect, and what servers raise in send() once the caller is gone: an OSError (ASGI 2.4).
    return isinstance(exception, ConnectionError) or type(exception).__name__ == "ClientDisconnect"


def _describe(  # noqa: PLR0913 - the outcome of a request
    span: Span, name: str, route: str | None, status: int | None, error: str | None, *, complete: bool
) -> None:
    if route is not None:
        span.update_name(f"{name} {route}")
        span.set_attribute("http.route", route)
    if status is not None:
        span.set_attribute("http.response.status_code", status)
    if error is not None:
        span.set_attribute("error.type", error)
        span.set_status(Status(StatusCode.ERROR))
    elif not complete:
        span.set_attribute("otel_mesh.response.incomplete", True)  # noqa: FBT003 - an attribute's value
