"""The service graph: metrics of the calls between services (rate, failures, durations), counted from spans.

The ``service_graph`` connector pairs a client span with the server span whose parent it is, and counts the pair as one
call. Its series (``traces_service_graph_request_total`` and two histograms in seconds, with the labels ``client``,
``server``, ``connection_type`` and ``failed``) go to the metrics backend.

Both spans have to reach the same Collector: the `TailSampler` if there is one, which sees whole traces before any is
dropped, else the only Collector. With several Collectors and no sampler most pairs never meet. After ``wait_seconds`` a
call is then counted from the client span alone (``connection_type`` is ``virtual_node``): edges, numbers and the
callers' durations are still right, but the callees' own durations and failures that only the server span reports are
missing.

Sampling in the services (a sampling ratio below 1) scales the numbers down.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pydantic import Field

from otel_mesh.catalog.model import EXTERNAL
from otel_mesh.collector.pipelines import Connector, Exporter, Pipeline, Processor, Stage
from otel_mesh.collector.proxy_statements import PROXY
from otel_mesh.core.values import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_mesh.mesh.binding import ProxySpans

TAP: Final = Connector("forward/service_graph")
"""Destination of the pipeline ``traces`` that copies its spans to the service graph's pipeline."""

_BUCKETS: Final = ("5ms", "10ms", "25ms", "50ms", "75ms", "100ms", "250ms", "500ms", "750ms", "1s", "2500ms", "5s")
"""Bucket boundaries that the semantic conventions advise for HTTP and RPC durations, up to the longest timeout."""

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
"""gRPC statuses that blame the caller, as 4xx does in HTTP; such calls are not counted as failures."""


class ServiceGraph(Settings):
    """Pairing of client and server spans.

    Attributes:
        wait_seconds: Time to wait for the other span of a call. It has to cover the services' batches (5 s by default)
            and servers that continue after their caller gave up.
        pending: Number of spans that each pod holds while waiting: calls a second times ``wait_seconds``. Beyond it
            calls are not counted, and the alert ServiceGraphIncomplete fires.
    """

    wait_seconds: int = Field(default=15, ge=1, le=600)
    pending: int = Field(default=50_000, ge=100, le=10_000_000)


def _set(target: str, value: str, *conditions: str) -> str:
    """A statement about client spans."""
    return f"set({target}, {value}) where {' and '.join(('span.kind == SPAN_KIND_CLIENT', *conditions))}"


def _name_callees() -> Processor:
    """Sets the callee's name on client spans, and resets their status where the caller was at fault.

    Hosts outside the cluster become `EXTERNAL`. A 404 is an error of the client span
    (https://opentelemetry.io/docs/specs/semconv/http/http-spans/#status) but not a failure of the callee.
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
    return Processor(
        "transform/service_graph",
        {"error_mode": "ignore", "trace_statements": [{"statements": list(statements)}]},
        Stage.TRANSLATE,
    )


def _drop_second_pairs(proxies: ProxySpans) -> Processor:
    """Leaves one pair of spans for each call between two proxies.

    The proxies' spans stand between the client span and the server span, so that only the proxies' are parent and
    child. The services' own spans of such a call are dropped, or the call would be counted again as unanswered. Calls
    that proxies do not understand (databases, hosts outside the cluster) are counted from the service's span; so are
    gRPC calls through Linkerd's proxies, which do not know whether a call failed.

    Args:
        proxies: Kind of the proxies.
    """
    proxy = f'attributes["{PROXY}"]'
    rpc = 'attributes["rpc.system.name"]'
    linkerd = proxies in ("linkerd", "envoy+linkerd")
    ours = [f'attributes["otel_mesh.peer"] == "{EXTERNAL}"', *([f"{rpc} != nil"] if linkerd else [])]
    from_service = " or ".join(ours)
    dropped = (
        f"kind == SPAN_KIND_SERVER and {proxy} == nil",
        f'kind == SPAN_KIND_CLIENT and {proxy} == nil and attributes["db.system.name"] == nil and not ({from_service})',
        f"kind == SPAN_KIND_CLIENT and {proxy} != nil and ({from_service})",
        *([f"kind == SPAN_KIND_SERVER and {rpc} != nil"] if linkerd else []),
        # Linkerd's proxy beside the gateway makes a span of the same call
        *([f'kind == SPAN_KIND_CLIENT and {proxy} == "gateway"'] if proxies == "envoy+linkerd" else []),
    )
    return Processor(
        "filter/service_graph", {"error_mode": "ignore", "traces": {"span": list(dropped)}}, Stage.TRANSLATE
    )


def service_graph_pipelines(
    settings: ServiceGraph,
    metrics: tuple[Exporter, ...],
    *,
    identity: Mapping[str, str],
    flush_seconds: int,
    proxy_spans: ProxySpans,
) -> dict[str, Pipeline]:
    """The pipelines that count the calls among the spans that `TAP` gets.

    Args:
        settings: Settings of the service graph.
        metrics: Exporters that get the series.
        identity: Resource attributes of the series; they tell apart the pods that count the same edge.
        flush_seconds: Interval at which the series are sent.
        proxy_spans: Kind of the mesh's proxies, if they make spans of the services' calls; else empty.
    """
    connector = Connector(
        "service_graph",
        {
            "latency_histogram_buckets": list(_BUCKETS),
            "store": {"ttl": f"{settings.wait_seconds}s", "max_items": settings.pending},
            "virtual_node_peer_attributes": ["otel_mesh.peer"],
            # a database makes no spans: the client span is counted at once
            "database_name_attributes": ["otel_mesh.store"],
            "metrics_flush_interval": f"{flush_seconds}s",
        },
    )
    identified = [{"key": name, "value": value, "action": "upsert"} for name, value in identity.items()]
    return {
        "traces/service_graph": Pipeline(
            sources=(TAP,),
            processors=(_name_callees(), *([_drop_second_pairs(proxy_spans)] if proxy_spans else [])),
            destinations=(connector,),
        ),
        "metrics/service_graph": Pipeline(
            sources=(connector,),
            processors=(Processor("resource/service_graph", {"attributes": identified}, Stage.LABEL),),
            destinations=metrics,
        ),
    }
