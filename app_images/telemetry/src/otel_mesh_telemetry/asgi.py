"""ASGI middleware: one server span and one duration per request, one server span per WebSocket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry import context as context_api
from opentelemetry import propagate, trace
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, TraceFlags

from otel_mesh_telemetry import deadline
from otel_mesh_telemetry.contexts import of_span, with_span
from otel_mesh_telemetry.exchange import Exchange
from otel_mesh_telemetry.features import Features
from otel_mesh_telemetry.headers import Headers
from otel_mesh_telemetry.http_metrics import server_metrics
from otel_mesh_telemetry.http_server import METHODS, LazyAttributes, request_attributes
from otel_mesh_telemetry.instrumentation import tracer_of
from otel_mesh_telemetry.outside import NO_CONTEXT, Outside, outside_from, start_new_trace
from otel_mesh_telemetry.propagation import MeshPropagator
from otel_mesh_telemetry.routes import RouteIndex
from otel_mesh_telemetry.websocket import SocketExchange, socket_attributes

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, MutableMapping, Sequence

    from opentelemetry.context import Context
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import Link, Span, TracerProvider

    from otel_mesh_telemetry.features import Feature

    Scope = MutableMapping[str, Any]
    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    App = Callable[[Scope, Receive, Send], Awaitable[None]]

PROBES = ("/livez", "/readyz")
_TRACED = "otel_mesh.traced"  # key in the scope: an outer middleware already traces the request
_FASTAPI = "fastapi.telemetry"  # key in the scope: turns FastAPI's own telemetry (0.165 and later) off


class ServerMiddleware:
    """Wraps an ASGI application; lifespan messages pass through unchanged.

    The span is named ``{method} {route}`` after routing, or ``{method}`` if no route matched, so that span names have
    low cardinality. Statuses from 500 and unhandled exceptions are errors; statuses 4xx are not, because the client
    caused them. A response that was aborted by the client or at shutdown is not an error and has the attribute
    ``otel_mesh.response.incomplete``.

    A request ends with the last byte of its response: background tasks affect neither its duration nor its outcome,
    and its deadline does not apply to them. The span of a WebSocket lasts as long as the connection; its duration is
    not recorded as a metric.

    Args:
        app: ASGI application.
        exclude: Paths without spans and metrics.
        features: Server features, in the order of their application.
        outside: Handling of the callers' trace context; taken from OTEL_MESH_OUTSIDE_CONTEXT by default.
        tracer_provider: Provider of the tracers; the global one by default.
        meter_provider: Provider of the meters; the global one by default.

    Raises:
        ConfigError: OTEL_MESH_OUTSIDE_CONTEXT has an unknown value.
    """

    def __init__(  # noqa: PLR0913 - settings, by name
        self,
        app: App,
        *,
        exclude: Collection[str] = PROBES,
        features: Sequence[Feature] = (),
        outside: Outside | None = None,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
    ) -> None:
        self.app = app
        self._exclude = frozenset(exclude)
        self._features = Features(features) if features else None
        self._outside = outside_from() if outside is None else outside
        self._tracer = tracer_of(tracer_provider or trace.get_tracer_provider(), "otel_mesh_telemetry.asgi")
        # Set by MeshSampler, which never records the child of an unsampled parent. Other samplers are asked.
        self._unsampled_is_final = getattr(getattr(self._tracer, "sampler", None), "unsampled_is_final", False)
        self._span_id: Callable[[], int] = getattr(self._tracer, "id_generator", RandomIdGenerator()).generate_span_id
        self._metrics = server_metrics(meter_provider)
        self._routes = RouteIndex()
        own = {"host", "user-agent", deadline.HEADER}
        self._headers = Headers(own if self._features is None else own | self._features.headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection of the ASGI protocol."""
        kind = scope["type"]
        if kind not in ("http", "websocket") or scope["path"] in self._exclude or _TRACED in scope:
            await self.app(scope, receive, send)
            return
        scope[_TRACED] = True
        scope.setdefault(_FASTAPI, None)
        if kind == "websocket":
            await self._serve_socket(scope, receive, send)
            return
        method = name = scope["method"]
        if method not in METHODS:
            method, name = "_OTHER", "HTTP"
        carrier, span, context = self._start(name, scope)
        if self._features is not None:
            context = self._features.apply(carrier, span, context)
        token = context_api.attach(context)
        left = carrier.get(deadline.HEADER)
        entered = deadline.enter(None if left is None else deadline.parse(left))
        exchange = Exchange(scope, send, span, context, entered, self._metrics, self._routes, name, method)
        try:
            await self.app(scope, receive, exchange.send)
        except Exception as exception:
            exchange.failed(exception)
            raise
        finally:
            exchange.finish()
            deadline.leave(entered)
            context_api.detach(token)

    async def _serve_socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        carrier, parent, links = self._read(scope)
        span = self._tracer.start_span("GET", parent, SpanKind.SERVER, socket_attributes(scope, carrier), links)
        context = with_span(span, parent)
        if self._features is not None:
            context = self._features.apply(carrier, span, context)
        token = context_api.attach(context)
        exchange = SocketExchange(scope, receive, send, span, self._routes)
        try:
            await self.app(scope, exchange.receive, exchange.send)
        except Exception as exception:
            exchange.failed(exception)
            raise
        finally:
            exchange.finish()
            context_api.detach(token)

    def _read(self, scope: Scope) -> tuple[dict[str, str], Context, tuple[Link, ...]]:
        propagator = propagate.get_global_textmap()
        carrier = self._headers.read(scope["headers"], propagator)
        if self._outside is Outside.CONTINUE:
            return carrier, propagator.extract(carrier, NO_CONTEXT), ()
        return (carrier, *start_new_trace(self._outside, carrier, propagator))

    def _start(self, name: str, scope: Scope) -> tuple[dict[str, str], Span, Context]:
        """The headers read from a request, its span and the context with that span."""
        propagator = propagate.get_global_textmap()
        if self._outside is Outside.CONTINUE and isinstance(propagator, MeshPropagator):
            carrier, prefixed = self._headers.look(scope["headers"], propagator)
            caller = propagator.only_traceparent(carrier, prefixed=prefixed)
            if caller is not None and self._unsampled_is_final:
                # Fast path of nearly all requests: no intermediate span and context are created.
                if not caller.trace_flags & TraceFlags.SAMPLED:
                    span = self._unrecorded(caller)
                else:
                    parent = of_span(NonRecordingSpan(caller))
                    attributes = request_attributes(scope, carrier)
                    span = self._tracer.start_span(name, parent, SpanKind.SERVER, attributes)
                return carrier, span, of_span(span)
        carrier, parent, links = self._read(scope)
        span = self._begin(name, parent, scope, carrier, links)
        return carrier, span, with_span(span, parent)

    def _begin(
        self, name: str, context: Context, scope: Scope, carrier: dict[str, str], links: tuple[Link, ...]
    ) -> Span:
        if self._unsampled_is_final:
            parent = trace.get_current_span(context).get_span_context()
            if parent.is_remote and not parent.trace_flags & TraceFlags.SAMPLED:
                return self._unrecorded(parent)
        return self._tracer.start_span(name, context, SpanKind.SERVER, LazyAttributes(scope, carrier), links)

    def _unrecorded(self, parent: SpanContext) -> Span:
        """A non-recording span with an ID of its own, as the SDK creates it for unsampled requests."""
        own = SpanContext(
            parent.trace_id,
            self._span_id(),
            is_remote=False,
            trace_flags=parent.trace_flags,
            trace_state=parent.trace_state,
        )
        return NonRecordingSpan(own)
