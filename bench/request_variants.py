"""Variants measured by `bench.request_overhead`: one application with different telemetry libraries."""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import site
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

os.environ["OTEL_SEMCONV_STABILITY_OPT_IN"] = "http"  # read once, when the official middleware is imported
os.environ["LOGFIRE_IGNORE_NO_CONFIG"] = "1"
site.addsitedir(str(Path(sys.prefix) / "bench"))  # logfire, installed apart from the development packages

try:
    logfire: Any = importlib.import_module("logfire")
except ImportError:
    sys.exit("logfire is not installed; run: make bench-request-overhead")
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.metrics.view import DropAggregation, View
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from otel_mesh_telemetry.asgi import ServerMiddleware
from otel_mesh_telemetry.sampling import mesh_sampler

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from opentelemetry.sdk.trace import ReadableSpan
    from starlette.requests import Request

REQUESTS = int(os.environ.get("BENCH_REQUESTS", "1000"))
Headers = list[tuple[bytes, bytes]]


class Count(SpanProcessor):
    """Counts spans instead of exporting them: the cost of the exporter is the same for all variants."""

    def __init__(self) -> None:
        self.ended = 0

    def on_end(self, span: ReadableSpan) -> None:  # noqa: ARG002
        """Counts a span."""
        self.ended += 1


def application() -> Starlette:
    """A minimal application with a successful and a failing route."""

    async def user(_request: Request) -> PlainTextResponse:
        return PlainTextResponse("ok")

    async def failing(_request: Request) -> PlainTextResponse:
        raise LookupError("no route to postgres://bob:secret@db/shop")

    return Starlette(routes=[Route("/users/{id}", user), Route("/failing", failing)])


def providers() -> tuple[TracerProvider, MeterProvider, Count]:
    """Providers of one variant; the request duration is the only metric."""
    traces = TracerProvider(sampler=mesh_sampler(ingress=True), shutdown_on_exit=False)
    count = Count()
    traces.add_span_processor(count)
    views = [
        View(instrument_name=name, aggregation=DropAggregation())
        for name in ("http.server.active_requests", "http.server.*.body.size")
    ]
    return traces, MeterProvider([InMemoryMetricReader()], views=views, shutdown_on_exit=False), count


async def _receive() -> MutableMapping[str, Any]:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _send(_message: MutableMapping[str, Any]) -> None:
    return None


def scope_of(path: str, headers: Headers) -> dict[str, Any]:
    """An ASGI scope as created by a server."""
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": headers,
        "client": ("10.87.0.9", 40000),
        "server": ("10.87.0.8", 8080),
    }


class Variant:
    """One application and its requests.

    Args:
        name: Printed name.
        app: ASGI application, called in process.
        headers: Headers of each request.
        count: Counter of the spans; None for an application without telemetry.
        spans: Expected spans per request; the benchmark exits on any other number.
        path: Path of each request.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - a table's columns
        self,
        name: str,
        app: Any,  # noqa: ANN401 - any ASGI application
        headers: Headers,
        count: Count | None = None,
        spans: int = 0,
        path: str = "/users/123",
    ) -> None:
        self.name = name
        self._app = app
        self._headers = headers
        self._count = count
        self._spans = spans
        self._path = path
        self.times: list[float] = []

    async def round(self) -> None:
        """Runs one batch of requests and records the microseconds per request."""
        app = self._app
        before = self._count.ended if self._count else 0
        scopes = [scope_of(self._path, self._headers) for _ in range(REQUESTS)]
        gc.collect()
        gc.disable()
        began = time.thread_time()
        for scope in scopes:
            with contextlib.suppress(LookupError):  # raised by the failing route
                await app(scope, _receive, _send)
        self.times.append((time.thread_time() - began) / REQUESTS * 1e6)
        gc.enable()
        if self._count and self._count.ended - before != self._spans * REQUESTS:
            sys.exit(f"{self.name}: {self._count.ended - before} spans in {REQUESTS} requests")


def official(name: str, headers: Headers, spans: int, path: str = "/users/123", **options: Any) -> Variant:  # noqa: ANN401
    """The official middleware."""
    traces, metrics, count = providers()
    app = OpenTelemetryMiddleware(application(), tracer_provider=traces, meter_provider=metrics, **options)
    return Variant(name, app, headers, count, spans, path)


def ours(name: str, headers: Headers, spans: int, path: str = "/users/123", **options: Any) -> Variant:  # noqa: ANN401
    """Our middleware."""
    traces, metrics, count = providers()
    app = ServerMiddleware(application(), tracer_provider=traces, meter_provider=metrics, **options)
    return Variant(name, app, headers, count, spans, path)


def logfires(name: str, headers: Headers, spans: int) -> Variant:
    """Logfire's instrumentation as documented, without sending data."""
    count = Count()
    instance = logfire.configure(
        local=True,
        send_to_logfire=False,
        console=False,
        inspect_arguments=False,
        distributed_tracing=True,
        additional_span_processors=[count],
        metrics=logfire.MetricsOptions(additional_readers=[InMemoryMetricReader()]),
    )
    return Variant(name, instance.instrument_asgi(application()), headers, count, spans)
