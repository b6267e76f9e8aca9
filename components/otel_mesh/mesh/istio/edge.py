"""Removal of headers that clients must not set, where their requests enter the mesh."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_mesh.mesh.istio.authorization import mesh_metadata
from otel_mesh.mesh.istio.kinds import ENVOY_FILTER
from otel_mesh.mesh.policies.matching import MARKERS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pulumi

    from otel_mesh.k8s.manifests import Manifest
    from otel_mesh.mesh.istio.policy_types import EnvoyFilterSpec

IDENTITY_HEADERS: Final = ("x-forwarded-client-cert", "l5d-client-id")
"""Headers in which the mesh's proxies name the authenticated peer."""

_ENVOY: Final = (
    "attempt-count",
    "decorator-operation",
    "downstream-service-cluster",
    "downstream-service-node",
    "expected-rq-timeout-ms",
    "external-address",
    "fault-abort-grpc-request",
    "fault-abort-request",
    "fault-abort-request-percentage",
    "fault-delay-request",
    "fault-delay-request-percentage",
    "fault-throughput-response",
    "fault-throughput-response-percentage",
    "force-trace",
    "hedge-on-per-try-timeout",
    "internal",
    "ip-tags",
    "is-timeout-retry",
    "max-retries",
    "original-dst-host",
    "original-host",
    "original-method",
    "original-path",
    "peer-metadata",
    "peer-metadata-id",
    "retriable-header-names",
    "retriable-status-codes",
    "retry-grpc-on",
    "retry-on",
    "upstream-alt-stat-name",
    "upstream-rq-per-try-timeout-ms",
    "upstream-rq-timeout-alt-response",
    "upstream-rq-timeout-ms",
    "upstream-stream-duration-ms",
)
"""Request headers that Envoy acts upon, without the prefix ``x-envoy-``
(https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/headers and .../http_filters)."""

_LINKERD: Final = (
    "ctx-deadline",
    "ctx-dtab",
    "ctx-parent",
    "ctx-trace",
    "dst-client",
    "dst-override",
    "dst-service",
    "dtab",
    "orig-proto",
    "proxy-connection",
    "proxy-error",
    "remote-ip",
    "reqid",
    "request-id",
    "sample",
    "server-id",
)
"""Headers of Linkerd 1 and 2, without the prefix ``l5d-``."""

STRIPPED_HEADERS: Final = (
    *IDENTITY_HEADERS,
    *MARKERS,
    "x-client-trace-id",
    *(f"x-envoy-{name}" for name in _ENVOY),
    *(f"l5d-{name}" for name in _LINKERD),
)
"""All headers that the gateway always removes."""


CONTEXT_HEADERS: Final = (
    "traceparent",
    "tracestate",
    "baggage",
    "b3",
    *(f"x-b3-{name}" for name in ("traceid", "spanid", "parentspanid", "sampled", "flags")),
    "grpc-trace-bin",
    "x-ab-group",
)
"""Headers with the trace context, the sampling decision, the baggage and the variant of an experiment."""


def strip_untrusted_headers(
    name: str, namespace: pulumi.Input[str], selected: Mapping[str, str], *, restart: bool = True
) -> Manifest:
    """Removes `STRIPPED_HEADERS`, and with ``restart`` `CONTEXT_HEADERS`, before the gateway evaluates a request.

    Only an EnvoyFilter can: a VirtualService removes headers after Envoy has applied them (timeouts, retries, forced
    tracing), and Envoy's own sanitizing excepts clients with private addresses.

    Args:
        name: Name of the object.
        namespace: Namespace of the gateway.
        selected: Labels of the gateway's pods.
        restart: Whether traces of clients are not continued.
    """
    removed = (*STRIPPED_HEADERS, *CONTEXT_HEADERS) if restart else STRIPPED_HEADERS
    manager = "envoy.filters.network.http_connection_manager"
    spec: EnvoyFilterSpec = {
        "workloadSelector": {"labels": dict(selected)},
        "configPatches": [
            {
                "applyTo": "NETWORK_FILTER",
                "match": {"context": "GATEWAY", "listener": {"filterChain": {"filter": {"name": manager}}}},
                "patch": {"operation": "MERGE", "value": {"typed_config": _early_mutation(removed)}},
            }
        ],
    }
    return ENVOY_FILTER.manifest(mesh_metadata(name, namespace), spec)


def _early_mutation(removed: Sequence[str]) -> dict[str, object]:
    kind = "type.googleapis.com/envoy.extensions"
    return {
        "@type": f"{kind}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "early_header_mutation_extensions": [
            {
                "name": "envoy.http.early_header_mutation.header_mutation",
                "typed_config": {
                    "@type": f"{kind}.http.early_header_mutation.header_mutation.v3.HeaderMutation",
                    "mutations": [{"remove": header} for header in removed],
                },
            }
        ],
    }
