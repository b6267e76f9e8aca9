"""Overhead of telemetry per request, compared with opentelemetry-instrumentation-asgi and logfire in one process.

Ours and the official middleware record one server span and http.server.request.duration; a view drops other metrics.
A Starlette application is called in process. The variants take turns, so that other load on the machine affects all of
them, and CPU time of the thread is measured. Prints microseconds per request and ratios; the last line is
`ratio sampled X unsampled Y`.
"""

from __future__ import annotations

import asyncio
import os
import sys
from statistics import median
from typing import Any

from opentelemetry import propagate

from bench.request_variants import REQUESTS, Headers, Variant, application, logfires, official, ours
from otel_mesh_telemetry.ab_testing import ABTesting, Experiment
from otel_mesh_telemetry.header_capture import HeaderCapture
from otel_mesh_telemetry.outside import Outside
from otel_mesh_telemetry.peer import PeerIdentity, Trust
from otel_mesh_telemetry.propagation import build_propagator
from otel_mesh_telemetry.routing import Canary, FaultRoute, RequestId
from otel_mesh_telemetry.server_features import features_from

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "25"))
SAMPLED_AT_MOST, UNSAMPLED_AT_MOST = 0.33, 0.20
ONE_SPAN: dict[str, Any] = {"exclude_spans": ["send", "receive"]}
TRACE = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-%s"
COMMON: Headers = [
    (b"host", b"shop.example:8080"),
    (b"user-agent", b"bench/1.0"),
    (b"accept", b"*/*"),
    (b"accept-encoding", b"gzip, deflate"),
]
SAMPLED: Headers = [*COMMON, (b"traceparent", TRACE % b"01")]
UNSAMPLED: Headers = [*COMMON, (b"traceparent", TRACE % b"00")]


def further(headers: Headers) -> list[Variant]:
    """Variants with one additional feature each, with the headers the feature needs."""
    istio = (
        b"By=spiffe://cluster.local/ns/shop/sa/users;Hash=468ed33be74eee6556d90c0149c1309e9ba61d6425303443c0748a02dd8de688;"
        b'Subject="";URI=spiffe://cluster.local/ns/shop/sa/api-gateway'
    )
    linkerd = b"api-gateway.shop.serviceaccount.identity.linkerd.cluster.local"
    routed = [(b"x-canary", b"true"), (b"x-trace-version", b"canary"), (b"x-traffic-weight", b"10")]
    last, l5d = PeerIdentity(Trust.XFCC_LAST), PeerIdentity(Trust.L5D_CLIENT_ID)
    testing = ABTesting(Experiment("homepage"))
    every = features_from({"OTEL_MESH_PEER_IDENTITY": "xfcc-last"})
    xfcc = (b"x-forwarded-client-cert", istio)
    return [
        ours("features of the environment, no headers", headers, 1, features=features_from({})),
        ours("request id", [*headers, (b"x-request-id", b"a1")], 1, features=[RequestId()]),
        ours("canary", [*headers, *routed], 1, features=[Canary()]),
        ours("fault marker", [*headers, (b"x-fault-injected", b"true")], 1, features=[FaultRoute()]),
        ours("identity from XFCC", [*headers, xfcc], 1, features=[last]),
        ours("identity from l5d-client-id", [*headers, (b"l5d-client-id", linkerd)], 1, features=[l5d]),
        ours("A/B assignment by key", [*headers, (b"x-user-id", b"42")], 1, features=[testing]),
        ours("one header recorded", [*headers, (b"x-tenant", b"shop")], 1, features=[HeaderCapture(["x-tenant"])]),
        ours("tracestate", [*headers, (b"tracestate", b"vendor=value")], 1),
        ours("W3C baggage, two entries", [*headers, (b"baggage", b"user.tier=gold,ab.x=y")], 1),
        ours("a trace of its own, linked to the caller's", headers, 1, outside=Outside.LINK),
        ours("a trace of its own", headers, 1, outside=Outside.RESTART),
        ours(
            "everything an Istio request carries",
            [*headers, *routed, (b"x-request-id", b"a1"), xfcc],
            1,
            features=every,
        ),
    ]


async def main() -> None:
    """Runs the benchmark and prints the results."""
    bare = Variant("bare application", application(), SAMPLED)
    default = official("official, default (3 spans)", SAMPLED, 3)
    theirs = official("official, one span", SAMPLED, 1, **ONE_SPAN)
    theirs_unsampled = official("official, one span, unsampled", UNSAMPLED, 0, **ONE_SPAN)
    theirs_failing = official("official, one span, an exception", SAMPLED, 1, "/failing", **ONE_SPAN)
    fire = logfires("logfire", SAMPLED, 1)
    fire_unsampled = logfires("logfire, unsampled", UNSAMPLED, 0)
    own = ours("ours", SAMPLED, 1)
    own_unsampled = ours("ours, unsampled", UNSAMPLED, 0)
    own_failing = ours("ours, an exception, redacted", SAMPLED, 1, "/failing")
    bare_failing = Variant("bare application, an exception", application(), SAMPLED, path="/failing")
    succeeding = [default, theirs, theirs_unsampled, fire, fire_unsampled, own, own_unsampled]
    more = further(SAMPLED)
    variants = [bare, *succeeding, bare_failing, theirs_failing, own_failing, *more]
    propagate.set_global_textmap(build_propagator())  # logfire replaces the global propagator
    for variant in variants:  # warm up
        await variant.round()
        variant.times.clear()
    for _ in range(ROUNDS):
        for variant in variants:
            await variant.round()

    def added(variant: Variant, to: Variant = bare) -> float:
        return median(after - before for after, before in zip(variant.times, to.times, strict=True))

    print(f"{ROUNDS} rounds of {REQUESTS} requests, medians, thread CPU time, Python {sys.version.split()[0]}")
    print(f"{bare.name:44} {median(bare.times):7.1f} us")
    for variant in succeeding:
        print(f"{variant.name:44} +{added(variant):6.1f} us")
    for variant in (theirs_failing, own_failing):
        print(f"{variant.name:44} +{added(variant, bare_failing):6.1f} us")
    for variant in more:
        print(f"  {variant.name:42} {added(variant) - added(own):+7.1f} us on top")
    print(
        f"at most: sampled {SAMPLED_AT_MOST:.2f}, unsampled {UNSAMPLED_AT_MOST:.2f} of the official one-span middleware"
    )
    print(f"ratio to default {added(own) / added(default):.3f}, to logfire {added(own) / added(fire):.3f}")
    print(
        f"ratio sampled {added(own) / added(theirs):.3f} unsampled {added(own_unsampled) / added(theirs_unsampled):.3f}"
    )


if __name__ == "__main__":
    asyncio.run(main())
