"""An httpx client with spans, metrics, deadlines and retries.

Requires ``httpx`` and asyncio.
"""

from __future__ import annotations

import os
from time import perf_counter
from typing import TYPE_CHECKING

import httpx
from opentelemetry import propagate, trace
from opentelemetry.metrics import MeterProvider, get_meter_provider
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, set_span_in_context

from otel_mesh_telemetry import deadline, outcome, redact
from otel_mesh_telemetry.bounded import bounded
from otel_mesh_telemetry.config import ConfigError
from otel_mesh_telemetry.faults import injected_abort
from otel_mesh_telemetry.http_metrics import DURATION_BOUNDARIES
from otel_mesh_telemetry.http_server import METHODS
from otel_mesh_telemetry.instrumentation import meter_of, tracer_of
from otel_mesh_telemetry.retries import Budget, Retries, RetryingTransport
from otel_mesh_telemetry.watched_stream import WatchedStream

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.trace import TracerProvider

_PORTS = {"http": 80, "https": 443}
_TIMEOUTS = ("connect", "read", "write", "pool")
_ERROR_FROM = 400  # the semantic conventions for HTTP clients count 4xx as errors too


class TracedTransport(httpx.AsyncBaseTransport):
    """Transport wrapper that creates a client span per attempt, and propagates trace context and deadline.

    The URL template, for span names and attributes of low cardinality, is passed per request:
    ``client.get(url, extensions={"url_template": "/users/{id}"})``.

    Args:
        inner: Transport that sends the requests.
        peer: Name of the called service in the catalog.
        tracer_provider: Provider of the tracers; the global one by default.
        meter_provider: Provider of the meters; the global one by default.
    """

    def __init__(
        self,
        inner: httpx.AsyncBaseTransport,
        *,
        peer: str | None = None,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
    ) -> None:
        self._inner = inner
        self._peer = peer
        self._tracer = tracer_of(tracer_provider or trace.get_tracer_provider(), "otel_mesh_telemetry.http_client")
        meter = meter_of(meter_provider or get_meter_provider(), "otel_mesh_telemetry.http_client")
        self._duration = meter.create_histogram(
            "http.client.request.duration",
            unit="s",
            description="Duration of HTTP client requests.",
            explicit_bucket_boundaries_advisory=DURATION_BOUNDARIES,
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request. Its span and duration end with the last byte of the response, or when that is closed.

        Raises:
            deadline.DeadlineExceededError: The deadline passed before the call or while waiting for the response.
            httpx.TransportError: The inner transport failed.
        """
        method = request.method if request.method in METHODS else "_OTHER"
        template = request.extensions.get("url_template")
        measured = _peer_attributes(request, method, self._peer, template)
        attributes = {**measured, "url.full": redact.url(str(request.url))}
        if resend := request.extensions.get("resend_count"):
            attributes["http.request.resend_count"] = resend
        name = "HTTP" if method == "_OTHER" else method
        span = self._tracer.start_span(
            f"{name} {template}" if template else name, kind=SpanKind.CLIENT, attributes=attributes
        )
        context = set_span_in_context(span)
        began = perf_counter()

        def done(exception: BaseException | None) -> None:
            if exception is not None:
                outcome.note(exception, span, measured)
            self._duration.record(perf_counter() - began, measured, context)
            span.end()

        try:
            with trace.use_span(span, record_exception=False, set_status_on_exception=False):
                propagate.inject(request.headers, context)
                response = await self._send(request)
                await _record_response(span, measured, response)
        except BaseException as exception:
            done(exception)
            raise
        if response.is_closed or not isinstance(response.stream, httpx.AsyncByteStream):
            done(None)
        else:
            response.stream = WatchedStream(response.stream, done)
        return response

    async def _send(self, request: httpx.Request) -> httpx.Response:
        left = deadline.remaining()
        if left is None:
            return await self._inner.handle_async_request(request)
        callee = self._peer or request.url.host
        timeouts = request.extensions.get("timeout") or {}
        limited = {kind: left if (own := timeouts.get(kind)) is None else min(own, left) for kind in _TIMEOUTS}
        request.extensions = {**request.extensions, "timeout": limited}
        request.headers[deadline.HEADER] = str(max(1, int(left * 1000)))
        try:
            async with bounded(callee):
                return await self._inner.handle_async_request(request)
        except httpx.TimeoutException as error:
            if (deadline.remaining() or 0.0) > 0:
                raise  # raised by one of the client's own timeouts
            raise deadline.DeadlineExceededError(f"{callee}: no response within the deadline") from error

    async def aclose(self) -> None:
        """Close the inner transport."""
        await self._inner.aclose()


def _peer_attributes(
    request: httpx.Request, method: str, peer: str | None, template: str | None
) -> dict[str, str | int]:
    url = request.url
    attributes: dict[str, str | int] = {
        "http.request.method": method,
        "server.address": url.host,
        "server.port": url.port or _PORTS.get(url.scheme, 0),
        "url.scheme": url.scheme,
    }
    if template:
        attributes["url.template"] = template
    if peer:
        attributes["service.peer.name"] = peer
        attributes["peer.service"] = peer  # deprecated, but still used by most backends for service graphs
    return attributes


async def _record_response(span: Span, measured: dict[str, str | int], response: httpx.Response) -> None:
    status = response.status_code
    measured["http.response.status_code"] = status
    span.set_attribute("http.response.status_code", status)
    if status >= _ERROR_FROM:
        measured["error.type"] = str(status)
        span.set_attribute("error.type", str(status))
        span.set_status(Status(StatusCode.ERROR))
        if await injected_abort(response):
            span.set_attribute("otel_mesh.fault.abort.status_code", status)
            span.set_attribute("otel_mesh.fault.evidence", "envoy-abort-body")


def callee_url(name: str, environ: Mapping[str, str] | None = None) -> str:
    """The URL of a catalog service, from the environment: USER_SERVICE_URL for ``user-service``.

    Raises:
        ConfigError: The variable is not set, because the catalog does not declare the call.
    """
    variable = f"{name.upper().replace('-', '_')}_URL"
    url = (os.environ if environ is None else environ).get(variable, "").strip().rstrip("/")
    if not url:
        raise ConfigError(f"{variable}: not set; add {name} to the callees of this service in the catalog")
    return url


def mesh_client(  # noqa: PLR0913 - settings, by name
    base_url: str,
    *,
    peer: str,
    timeout: float = 5.0,
    connect_timeout: float = 1.0,
    max_connections: int = 100,
    retries: Retries | None = None,
    tracer_provider: TracerProvider | None = None,
    meter_provider: MeterProvider | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
) -> httpx.AsyncClient:
    """A client for a catalog service.

    Args:
        base_url: URL of the service, e.g. ``http://user-service.shop.svc.cluster.local:8081``.
        peer: Name of the service in the catalog.
        timeout: Timeout in seconds for reading, writing and waiting for a connection; limited by the deadline.
        connect_timeout: Timeout of a connection attempt in seconds.
        max_connections: Size of the connection pool.
        retries: Retry policy; by default no retries, as they are the mesh's task.
        tracer_provider: Provider of the tracers; the global one by default.
        meter_provider: Provider of the meters; the global one by default.
        transport: Transport that sends the requests, for tests; a connection pool by default.
    """
    limits = httpx.Limits(max_connections=max_connections, max_keepalive_connections=max_connections // 2)
    traced: httpx.AsyncBaseTransport = TracedTransport(
        transport or httpx.AsyncHTTPTransport(limits=limits, retries=0),
        peer=peer,
        tracer_provider=tracer_provider,
        meter_provider=meter_provider,
    )
    return httpx.AsyncClient(
        base_url=base_url,
        transport=traced if retries is None else RetryingTransport(traced, retries, Budget()),
        timeout=httpx.Timeout(timeout, connect=connect_timeout),
    )
