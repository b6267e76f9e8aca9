"""What telemetry adds to one request: ours beside opentelemetry-instrumentation-asgi, in one process and run.

Both sides record exactly one server span and http.server.request.duration; whatever else they measure is dropped
by a view. A Starlette application is called in process, variants take turns so that whatever else the machine
does hits all of them, and the thread's own CPU time counts. Prints microseconds per request and ratios; ends
with `ratio sampled X unsampled Y`.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import time
from statistics import median
from typing import TYPE_CHECKING, Any

os.environ["OTEL_SEMCONV_STABILITY_OPT_IN"] = "http"  # read once, when the official middleware is imported

from opentelemetry import propagate
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.metrics.view import DropAggregation, View
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from otel_mesh_telemetry.ab_testing import ABTesting, Experiment
from otel_mesh_telemetry.asgi import ServerMiddleware
from otel_mesh_telemetry.header_capture import HeaderCapture
from otel_mesh_telemetry.peer import PeerIdentity, Trust
from otel_mesh_telemetry.propagation import build_propagator
from otel_mesh_telemetry.routing import Canary, FaultRoute, RequestId
from otel_mesh_telemetry.sampling import mesh_sampler
from otel_mesh_telemetry.server_features import features_from

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from opentelemetry.sdk.trace import ReadableSpan
    from starlette.requests import Request

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "25"))
REQUESTS = int(os.environ.get("BENCH_REQUESTS", "1000"))
TRACE = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-%s"
COMMON = [
    (b"host", b"shop.example:8080"),
    (b"user-agent", b"bench/1.0"),
    (b"accept", b"*/*"),
    (b"accept-encoding", b"gzip, deflate"),
]
Headers = list[tuple[bytes, bytes]]


class Count(SpanProcessor):
    """Counts spans instead of exporting them: the exporter's cost is the same on both sides."""

    def __init__(self) -> None:
        self.ended = 0

    def on_end(self, span: ReadableSpan) -> None:  # noqa: ARG002
        """Count a span."""
        self.ended += 1


def application() -> Starlette:
    """The smallest application with a route."""

    async def user(_request: Request) -> PlainTextResponse:
        return PlainTextResponse("ok")

    return Starlette(routes=[Route("/users/{id}", user)])


def providers() -> tuple[TracerProvider, MeterProvider, Count]:
    """Providers of one variant, with the duration as their only metric."""
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


def scope_of(headers: Headers) -> dict[str, Any]:
    """An ASGI scope as a server makes it."""
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/users/123",
        "raw_path": b"/users/123",
        "query_string": b"",
        "root_path": "",
        "headers": headers,
        "client": ("10.87.0.9", 40000),
        "server": ("10.87.0.8", 8080),
    }


class Variant:
    """One application and the headers it is called with."""

    def __init__(self, name: str, app: Any, headers: Headers, count: Count | None = None, spans: int = 0) -> None:  # noqa: ANN401
        self.name = name
        self._app = app
        self._headers = headers
        self._count = count
        self._spans = spans
        self.times: list[float] = []

    async def round(self) -> None:
        """Run one batch of requests and keep its time per request, in microseconds."""
        app, headers = self._app, self._headers
        before = self._count.ended if self._count else 0
        scopes = [scope_of(headers) for _ in range(REQUESTS)]
        gc.collect()
        gc.disable()
        began = time.thread_time()
        for scope in scopes:
            await app(scope, _receive, _send)
        self.times.append((time.thread_time() - began) / REQUESTS * 1e6)
        gc.enable()
        if self._count and self._count.ended - before != self._spans * REQUESTS:
            sys.exit(f"{self.name}: {self._count.ended - before} spans in {REQUESTS} requests")


def official(name: str, headers: Headers, spans: int, **options: Any) -> Variant:  # noqa: ANN401
    """The official middleware."""
    traces, metrics, count = providers()
    app = OpenTelemetryMiddleware(application(), tracer_provider=traces, meter_provider=metrics, **options)
    return Variant(name, app, headers, count, spans)


def ours(name: str, headers: Headers, spans: int, **options: Any) -> Variant:  # noqa: ANN401
    """Our middleware."""
    traces, metrics, count = providers()
    app = ServerMiddleware(application(), tracer_provider=traces, meter_provider=metrics, **options)
    return Variant(name, app, headers, count, spans)


def further(headers: Headers) -> list[Variant]:
    """Each further feature on top of the plain sampled variant, with the headers that make it work."""
    istio = (
        b"By=spiffe://cluster.local/ns/shop/sa/users;Hash=468ed33be74eee6556d90c0149c1309e9ba61d6425303443c0748a02dd8de688;"
        b'Subject="";URI=spiffe://cluster.local/ns/shop/sa/api-gateway'
    )
    linkerd = b"api-gateway.shop.serviceaccount.identity.linkerd.cluster.local"
    routed = [(b"x-canary", b"true"), (b"x-trace-version", b"canary"), (b"x-traffic-weight", b"10")]
    last, l5d = PeerIdentity(Trust.XFCC_LAST), PeerIdentity(Trust.L5D_CLIENT_ID)
    testing = ABTesting(Experiment("homepage"))
    every = features_from({"OTEL_MESH_PEER_IDENTITY": "xfcc-last"})
    return [
        ours("features of the environment, no headers", headers, 1, features=features_from({})),
        ours("request id", [*headers, (b"x-request-id", b"a1")], 1, features=[RequestId()]),
        ours("canary", [*headers, *routed], 1, features=[Canary()]),
        ours("fault marker", [*headers, (b"x-fault-injected", b"true")], 1, features=[FaultRoute()]),
        ours(
            "identity from XFCC",
            [*headers, (b"x-forwarded-client-cert", istio)],
            1,
            features=[last],
        ),
        ours(
            "identity from l5d-client-id",
            [*headers, (b"l5d-client-id", linkerd)],
            1,
            features=[l5d],
        ),
        ours("A/B assignment by key", [*headers, (b"x-user-id", b"42")], 1, features=[testing]),
        ours("one header recorded", [*headers, (b"x-tenant", b"shop")], 1, features=[HeaderCapture(["x-tenant"])]),
        ours("tracestate", [*headers, (b"tracestate", b"vendor=value")], 1),
        ours("W3C baggage, two entries", [*headers, (b"baggage", b"user.tier=gold,ab.x=y")], 1),
        ours(
            "everything an Istio request carries",
            [*headers, *routed, (b"x-request-id", b"a1"), (b"x-forwarded-client-cert", istio)],
            1,
            features=every,
        ),
    ]


async def main() -> None:
    """Measure and print."""
    propagate.set_global_textmap(build_propagator())
    sampled = [*COMMON, (b"traceparent", TRACE % b"01")]
    unsampled = [*COMMON, (b"traceparent", TRACE % b"00")]
    bare = Variant("bare application", application(), sampled)
    one = {"exclude_spans": ["send", "receive"]}
    default = official("official, default (3 spans)", sampled, 3)
    theirs = official("official, one span", sampled, 1, **one)
    theirs_unsampled = official("official, one span, unsampled", unsampled, 0, **one)
    own = ours("ours", sampled, 1)
    own_unsampled = ours("ours, unsampled", unsampled, 0)
    more = further(sampled)
    variants = [bare, default, theirs, theirs_unsampled, own, own_unsampled, *more]
    for variant in variants:  # warm up
        await variant.round()
        variant.times.clear()
    for _ in range(ROUNDS):
        for variant in variants:
            await variant.round()

    def added(variant: Variant) -> float:
        return median(after - before for after, before in zip(variant.times, bare.times, strict=True))

    print(f"{ROUNDS} rounds of {REQUESTS} requests, medians, thread CPU time")
    print(f"{bare.name:44} {median(bare.times):7.1f} us")
    for variant in (default, theirs, theirs_unsampled, own, own_unsampled):
        print(f"{variant.name:44} +{added(variant):6.1f} us")
    for variant in more:
        print(f"  {variant.name:42} +{added(variant) - added(own):6.1f} us on top")
    print("at most: to default 0.30, sampled 0.45, unsampled 0.30")
    print(f"ratio to default {added(own) / added(default):.3f}")
    print(
        f"ratio sampled {added(own) / added(theirs):.3f} unsampled {added(own_unsampled) / added(theirs_unsampled):.3f}"
    )


if __name__ == "__main__":
    asyncio.run(main())
