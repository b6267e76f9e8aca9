"""The runtime service map: who calls whom, how often, how well and how fast, counted by a Collector from spans.

The ``service_graph`` connector pairs a client's span with the server's span that names it as its parent, and counts
the pair as one call. Its series (``traces_service_graph_request_total`` and two histograms of seconds, each with
``client``, ``server``, ``connection_type`` and ``failed``) go where all metrics go.

Both spans have to come to the same Collector for that: to the `TailSampler` where there is one, which sees each trace
whole and before any is dropped, else to the only Collector. With several Collectors and no sampler most pairs never
meet: after ``wait_seconds`` a call is then counted from the client's span alone (``connection_type`` is
``virtual_node``). Edges, numbers and the callers' durations stay right; the callees' own durations are missing, and a
failure that only the callee's span tells.

Sampling before the spans come here (a ratio below 1 in the services) makes the numbers a share of the truth.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pydantic import Field

from otel_mesh.collector.proxy_spans import PROXY
from otel_mesh.core.values import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

TAP: Final = "forward/service_graph"
"""Connector that hands the spans of a Collector's ``traces`` pipeline to the map's own."""

EXTERNAL: Final = "external"
"""Callee of calls to hosts outside the cluster: one name for all, because nothing else bounds the number of series."""

OUTSIDE: Final = "user"
"""Caller of requests that came without a trace context; the connector's own word."""

_CONNECTOR: Final = "service_graph"
_NAMES: Final = "transform/service_graph"
_ONCE: Final = "filter/service_graph"
_IDENTITY: Final = "resource/service_graph"

_BUCKETS: Final = ("5ms", "10ms", "25ms", "50ms", "75ms", "100ms", "250ms", "500ms", "750ms", "1s", "2500ms", "5s")
"""Those that the conventions advise for calls by HTTP and RPC, up to where a caller has long given up."""

_PEER: Final = 'span.attributes["otel_mesh.peer"]'
_ADDRESS: Final = 'span.attributes["server.address"]'
_STORE: Final = 'span.attributes["db.system.name"]'
_STATUS: Final = 'span.attributes["http.response.status_code"]'
_RPC_STATUS: Final = 'span.attributes["rpc.response.status_code"]'
_NAME: Final = 'span.attributes["service.peer.name"]'
_FORMER_NAME: Final = 'span.attributes["peer.service"]'
_IN_CLUSTER: Final = r"^(?P<name>[a-z][a-z0-9-]*)(\\.[a-z0-9-]+\\.svc(\\..*)?)?$"
CALLERS_MISTAKES: Final = (
    "CANCELLED",
    "INVALID_ARGUMENT",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNAUTHENTICATED",
)
"""Statuses of gRPC that are an answer and no failing of the callee, as 4xx are of HTTP."""


class ServiceGraph(Settings):
    """How calls are put together from their spans.

    Attributes:
        wait_seconds: for a span's other half; covers what lies between the arrival of the two: the services' batches
            (5 s by default) and a server that goes on after its caller gave up.
        pending: spans that wait at most, in each pod, i.e. calls a second times ``wait_seconds``; above it calls are
            not counted, and the alert ServiceMapIncomplete fires.
    """

    wait_seconds: int = Field(default=15, ge=1, le=600)
    pending: int = Field(default=50_000, ge=100, le=10_000_000)


def _set(target: str, value: str, *conditions: str) -> str:
    """A statement about clients' spans."""
    return f"set({target}, {value}) where {' and '.join(('span.kind == SPAN_KIND_CLIENT', *conditions))}"


def _names() -> dict[str, Any]:
    """Gives every call its callee's name in as few words as there are services, and the outcome its callee's view.

    A name outside the cluster could be anything, so that it becomes `EXTERNAL`. A 404 that a client's span calls an
    error (https://opentelemetry.io/docs/specs/semconv/http/http-spans/#status) is an answer, no failing of the edge.
    """
    unnamed = f"{_PEER} == nil"
    statements = (
        _set(_PEER, _NAME, unnamed, f"{_NAME} != nil"),
        _set(_PEER, _FORMER_NAME, unnamed, f"{_FORMER_NAME} != nil"),
        _set(
            _PEER,
            f'ExtractPatterns({_ADDRESS}, "{_IN_CLUSTER}")["name"]',
            unnamed,
            f"{_ADDRESS} != nil",
            f'IsMatch({_ADDRESS}, "{_IN_CLUSTER}")',
        ),
        _set(_PEER, _STORE, unnamed, f"{_STORE} != nil"),
        _set(_PEER, f'"{EXTERNAL}"', unnamed),
        _set('span.attributes["otel_mesh.store"]', _PEER, f"{_STORE} != nil"),
        _set("span.status.code", "STATUS_CODE_UNSET", f"{_STATUS} >= 400", f"{_STATUS} < 500"),
        _set(
            "span.status.code",
            "STATUS_CODE_UNSET",
            f"{_RPC_STATUS} != nil",
            f'IsMatch({_RPC_STATUS}, "^({"|".join(CALLERS_MISTAKES)})$")',
        ),
    )
    return {"error_mode": "ignore", "trace_statements": [{"statements": list(statements)}]}


def _once() -> dict[str, Any]:
    """Leaves one pair of spans of each call that goes from proxy to proxy.

    A proxy's span stands between the client's and the server's, which therefore are no parent and child: the proxies'
    are. What a service says of such a call is left out, or it would be counted again as one that nobody answered.
    Calls that no proxy understands (stores, hosts outside) are the service's to tell.
    """
    proxy = f'attributes["{PROXY}"]'
    outside = f'attributes["otel_mesh.peer"] == "{EXTERNAL}"'
    dropped = (
        f"kind == SPAN_KIND_SERVER and {proxy} == nil",
        f'kind == SPAN_KIND_CLIENT and {proxy} == nil and attributes["db.system.name"] == nil and not ({outside})',
        f"kind == SPAN_KIND_CLIENT and {proxy} != nil and {outside}",
    )
    return {"error_mode": "ignore", "traces": {"span": list(dropped)}}


def with_service_graph(
    config: Mapping[str, Any],
    settings: ServiceGraph,
    *,
    identity: Mapping[str, str],
    flush_seconds: int,
    proxied: bool,
) -> dict[str, Any]:
    """A Collector's configuration that also counts the calls among the spans of its ``traces`` pipeline.

    Args:
        config: of a Collector with a ``traces`` pipeline and an exporter ``otlp_http/metrics``.
        settings: of the map.
        identity: resource attributes of the series, which tell the pods apart that count the same edge.
        flush_seconds: how often the series are sent.
        proxied: whether the services' calls go through proxies that make spans too.
    """
    service = config["service"]
    traces = service["pipelines"]["traces"]
    processors = {_NAMES: _names(), **({_ONCE: _once()} if proxied else {})}
    identified = [{"key": name, "value": value, "action": "upsert"} for name, value in identity.items()]
    return {
        **config,
        "connectors": {
            **config.get("connectors", {}),
            TAP: None,
            _CONNECTOR: {
                "latency_histogram_buckets": list(_BUCKETS),
                "store": {"ttl": f"{settings.wait_seconds}s", "max_items": settings.pending},
                "virtual_node_peer_attributes": ["otel_mesh.peer"],
                # a store makes no span, so that its callers' are counted at once
                "database_name_attributes": ["otel_mesh.store"],
                "metrics_flush_interval": f"{flush_seconds}s",
            },
        },
        "processors": {**config["processors"], **processors, _IDENTITY: {"attributes": identified}},
        "service": {
            **service,
            "pipelines": {
                **service["pipelines"],
                "traces": {**traces, "exporters": [*traces["exporters"], TAP]},
                "traces/service_graph": {"receivers": [TAP], "processors": [*processors], "exporters": [_CONNECTOR]},
                "metrics/service_graph": {
                    "receivers": [_CONNECTOR],
                    "processors": [_IDENTITY],
                    "exporters": ["otlp_http/metrics"],
                },
            },
        },
    }
