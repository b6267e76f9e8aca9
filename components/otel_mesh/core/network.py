"""DNS names of Services and the standard ports of OTLP."""

from __future__ import annotations

from typing import Final

CLUSTER_DOMAIN: Final = "cluster.local"
"""DNS domain of the cluster's Services."""

OTLP_GRPC_PORT: Final = 4317
"""Standard port of OTLP over gRPC."""

OTLP_HTTP_PORT: Final = 4318
"""Standard port of OTLP over HTTP."""


def service_host(name: str, namespace: str) -> str:
    """The DNS name of a Service: ``jaeger.observability.svc.cluster.local``."""
    return f"{name}.{namespace}.svc.{CLUSTER_DOMAIN}"
