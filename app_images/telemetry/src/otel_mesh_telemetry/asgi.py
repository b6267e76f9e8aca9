"""Pure ASGI middleware: one server span and one duration per request."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any

from opentelemetry import context as context_api
from opentelemetry import propagate, trace
from opentelemetry.trace import SpanKind, Status, StatusCode, set_span_in_context

from otel_mesh_telemetry import deadline
from otel_mesh_telemetry.http_metrics import ServerMetrics
from otel_mesh_telemetry.routes import RouteIndex

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterable, MutableMapping

    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import Span, TracerProvider

    Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
    Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
    App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY"})
"""Known to the HTTP semantic conventions; any other is recorded as ``_OTHER``."""

PROBES = ("/livez", "/readyz")
_VERSIONS = {"1.0": "1.0", "1.1": "1.1", "2": "2", "2.0": "2", "3": "3", "3.0": "3"}
_WANTED = frozenset({b"traceparent", b"tracestate", b"baggage", b"host", b"user-agent", deadline.HEADER.encode()})
_ERROR_FROM = 500


class ServerMiddleware:
    """Wraps an ASGI application; WebSocket and lifespan pass through untouched.

    The span is named ``{method} {route}`` once the application has chosen its route, ``{method}`` where none
    matched, so that unknown paths make no new names. A status of 500 and above and an escaping exception make
    it an error, 4xx do not: the caller's mistake is not this service's failure.

    Args:
        app: the application.
        exclude: paths that leave neither a span nor a measurement.
        tracer_provider: where spans go; the global one by default.
        meter_provider: where measurements go; the global one by default.
    """

    def __init__(
        self,
        app: App,
        *,
        exclude: Collection[str] = PROBES,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
    ) -> None:
        self.app = app
        self._exclude = frozenset(exclude)
        self._tracer = (tracer_provider or trace.get_tracer_provider()).get_tracer(
            "otel_mesh_telemetry.asgi", schema_url="https://opentelemetry.io/schemas/1.37.0"
        )
        self._metrics = ServerMetrics(meter_provider)
        self._routes = RouteIndex()

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Serve one connection of the ASGI protocol."""
        if scope["type"] != "http" or scope["path"] in self._exclude:
            await self.app(scope, receive, send)
            return
        method = scope["method"]
        name = known = method if method in METHODS else "_OTHER"
        if known == "_OTHER":
            name = "HTTP"
        scheme = scope.get("scheme", "http")
        carrier = _carrier(scope["headers"])
        context = propagate.extract(carrier)
        span = self._tracer.start_span(name, context, SpanKind.SERVER, _request_attributes(scope, known, carrier))
        context = set_span_in_context(span, context)
        context = deadline.enter(context, carrier.get(deadline.HEADER))
        token = context_api.attach(context)
        status: int | None = None

        async def traced_send(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        error: str | None = None
        self._metrics.started(known, scheme)
        began = perf_counter()
        try:
            await self.app(scope, receive, traced_send)
        except Exception as exception:
            error = type(exception).__qualname__
            span.record_exception(exception, escaped=True)
            raise
        finally:
            seconds = perf_counter() - began
            context_api.detach(token)
            self._metrics.finished(known, scheme)
            if error is None and status is not None and status >= _ERROR_FROM:
                error = str(status)
            route = self._routes.template(scope)
            version = _VERSIONS.get(scope.get("http_version", ""))
            self._metrics.record(seconds, (known, scheme, route, status, error, version), context)
            _finish(span, name, route, status, error)


def _carrier(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """The headers this middleware reads; the first of a name counts, except that lists are joined."""
    carrier: dict[str, str] = {}
    for raw, value in headers:
        if raw in _WANTED:
            name = raw.decode("latin-1")
            text = value.decode("latin-1")
            carrier[name] = f"{carrier[name]},{text}" if name in carrier else text
    return carrier


def _request_attributes(scope: MutableMapping[str, Any], method: str, carrier: dict[str, str]) -> dict[str, Any]:
    attributes = {
        "http.request.method": method,
        "url.path": scope["path"],
        "url.scheme": scope.get("scheme", "http"),
    }
    if method == "_OTHER":
        attributes["http.request.method_original"] = scope["method"][:32]
    if version := _VERSIONS.get(scope.get("http_version", "")):
        attributes["network.protocol.version"] = version
    if host := carrier.get("host"):
        name, _, port = host.rpartition(":")
        if name and port.isdecimal():
            attributes["server.address"] = name
            attributes["server.port"] = int(port)
        else:
            attributes["server.address"] = host
    if agent := carrier.get("user-agent"):
        attributes["user_agent.original"] = agent[:256]
    if client := scope.get("client"):
        attributes["network.peer.address"] = client[0]
    return attributes


def _finish(span: Span, name: str, route: str | None, status: int | None, error: str | None) -> None:
    if span.is_recording():
        outcome: dict[str, str | int] = {}
        if route is not None:
            span.update_name(f"{name} {route}")
            outcome["http.route"] = route
        if status is not None:
            outcome["http.response.status_code"] = status
        if error is not None:
            outcome["error.type"] = error
            span.set_status(Status(StatusCode.ERROR))
        span.set_attributes(outcome)
    span.end()
