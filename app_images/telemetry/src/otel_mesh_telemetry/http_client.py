"""An httpx transport that makes calls to other services visible and bounded.

Needs ``httpx``; nothing else of the library does.
"""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

import httpx
from opentelemetry import propagate, trace
from opentelemetry.metrics import MeterProvider, get_meter_provider
from opentelemetry.trace import SpanKind, Status, StatusCode, set_span_in_context

from otel_mesh_telemetry import deadline, redact
from otel_mesh_telemetry.http_metrics import DURATION_BOUNDARIES

if TYPE_CHECKING:
    from opentelemetry.trace import TracerProvider

_DEFAULT_PORTS = {"http": 80, "https": 443}
_ERROR_FROM = 400  # on the client's side a 4xx is an error as well: the call did not get what it asked for


class TracedTransport(httpx.AsyncBaseTransport):
    """Wraps a transport: client span, context injected, deadline kept.

    The template of the URL, for a low-cardinality attribute, is given per request:
    ``client.get(url, extensions={"url_template": "/users/{id}"})``.

    Args:
        inner: what sends the request.
        peer: name of the called service as the catalogue knows it.
        tracer_provider: where spans go; the global one by default.
        meter_provider: where measurements go; the global one by default.
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
        self._tracer = (tracer_provider or trace.get_tracer_provider()).get_tracer("otel_mesh_telemetry.http_client")
        meter = (meter_provider or get_meter_provider()).get_meter("otel_mesh_telemetry.http_client")
        self._duration = meter.create_histogram(
            "http.client.request.duration",
            unit="s",
            description="Duration of HTTP client requests.",
            explicit_bucket_boundaries_advisory=DURATION_BOUNDARIES,
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request.

        Raises:
            deadline.DeadlineExceededError: no time was left, or it ran out while waiting for the answer.
            httpx.TransportError: as the inner transport.
        """
        method = request.method
        template = request.extensions.get("url_template")
        low_cardinality = _peer_attributes(request, self._peer, template)
        attributes = {**low_cardinality, "url.full": redact.url(str(request.url))}
        error: str | None = None
        status: int | None = None
        with self._tracer.start_as_current_span(
            f"{method} {template}" if template else method,
            kind=SpanKind.CLIENT,
            attributes=attributes,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            began = perf_counter()
            context = set_span_in_context(span)
            try:
                limited = _limit(request)
                propagate.inject(request.headers, context)
                response = await self._inner.handle_async_request(request)
                status = response.status_code
                span.set_attribute("http.response.status_code", status)
                if status >= _ERROR_FROM:
                    error = str(status)
            except httpx.TimeoutException as exception:
                error = type(exception).__qualname__
                if limited and (deadline.remaining() or 0.0) <= _TOLERANCE:
                    raise deadline.DeadlineExceededError(f"{self._peer or request.url.host}: no answer in time") from (
                        exception
                    )
                raise
            except Exception as exception:
                error = type(exception).__qualname__
                raise
            finally:
                if error is not None:
                    span.set_attribute("error.type", error)
                    span.set_status(Status(StatusCode.ERROR))
                    low_cardinality["error.type"] = error
                if status is not None:
                    low_cardinality["http.response.status_code"] = status
                self._duration.record(perf_counter() - began, low_cardinality, context)
            return response

    async def aclose(self) -> None:
        """Close the inner transport."""
        await self._inner.aclose()


_TOLERANCE = 0.01


def _limit(request: httpx.Request) -> bool:
    """Cut the request's timeouts to what is left of the deadline, and tell the callee."""
    left = deadline.remaining()
    if left is None:
        return False
    if left <= 0:
        raise deadline.DeadlineExceededError(f"{request.url.host}: no time left for the call")
    timeouts = dict(request.extensions.get("timeout") or {})
    shortened = {kind: left if (given := timeouts.get(kind)) is None else min(given, left) for kind in _TIMEOUTS}
    request.extensions = {**request.extensions, "timeout": shortened}
    request.headers[deadline.HEADER] = str(max(1, int(left * 1000)))
    return True


_TIMEOUTS = ("connect", "read", "write", "pool")


def _peer_attributes(request: httpx.Request, peer: str | None, template: str | None) -> dict[str, str | int]:
    url = request.url
    attributes: dict[str, str | int] = {
        "http.request.method": request.method,
        "server.address": url.host,
        "server.port": url.port or _DEFAULT_PORTS.get(url.scheme, 0),
        "url.scheme": url.scheme,
    }
    if template:
        attributes["url.template"] = template
    if peer:
        attributes["service.peer.name"] = peer
        attributes["peer.service"] = peer  # the deprecated name, still what most backends draw edges from
    return attributes


def mesh_client(
    base_url: str,
    *,
    peer: str,
    timeout: float = 5.0,
    connect_timeout: float = 1.0,
    max_connections: int = 100,
) -> httpx.AsyncClient:
    """A client for one service of the catalogue.

    Args:
        base_url: where the service is, e.g. ``http://user-service.shop.svc.cluster.local:8081``.
        peer: its name in the catalogue.
        timeout: seconds for reading, writing and waiting for a connection; a nearer deadline shortens it.
        connect_timeout: seconds for the connection.
        max_connections: size of the pool.
    """
    limits = httpx.Limits(max_connections=max_connections, max_keepalive_connections=max_connections // 2)
    return httpx.AsyncClient(
        base_url=base_url,
        transport=TracedTransport(httpx.AsyncHTTPTransport(limits=limits, retries=0), peer=peer),
        timeout=httpx.Timeout(timeout, connect=connect_timeout),
    )
