"""Headers that clients must not set: the mesh's gateway removes them from requests from outside."""

from __future__ import annotations

from typing import Final

from otel_mesh.mesh.policies.matching import MARKERS

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
