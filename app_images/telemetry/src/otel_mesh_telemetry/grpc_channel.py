"""Channels to catalog services, for asyncio gRPC."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from grpc import aio

from otel_mesh_telemetry.grpc_aio_client import aio_client_interceptors

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

_SERVICE_CONFIG: dict[str, Any] = {
    # across all addresses of the name; in a mesh it has a single address and the sidecar balances
    "loadBalancingConfig": [{"round_robin": {}}],
    # No retryPolicy: only one layer may retry, and that is the mesh. gRPC itself retries calls that have not reached
    # a server, which is always safe.
}


def channel_options(connect_timeout: float = 1.0) -> list[tuple[str, Any]]:
    """Options of a channel that detects quickly that its peer is gone, and that it is back.

    Args:
        connect_timeout: Timeout of a connection attempt in seconds.
    """
    milliseconds = int(connect_timeout * 1000)
    return [
        ("grpc.service_config", json.dumps(_SERVICE_CONFIG)),
        # do not look up a service config in DNS
        ("grpc.service_config_disable_resolution", 1),
        # Between connection attempts calls fail at once. By default the backoff grows to two minutes, during which a
        # service that is available again would not be used.
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 500),
        ("grpc.min_reconnect_backoff_ms", milliseconds),  # despite its name, the timeout of one attempt
        # Detects peers whose machine has failed. The server has to permit pings at this interval.
        ("grpc.keepalive_time_ms", 20_000),
        ("grpc.keepalive_timeout_ms", 5_000),
        ("grpc.keepalive_permit_without_calls", 1),
        # an HTTP proxy set in the environment is for calls to the outside of the cluster
        ("grpc.enable_http_proxy", 0),
    ]


def mesh_channel(
    target: str,
    *,
    peer: str,
    connect_timeout: float = 1.0,
    tracer_provider: TracerProvider | None = None,
    meter_provider: MeterProvider | None = None,
) -> aio.Channel:
    """A channel to a catalog service, without TLS because the mesh encrypts the traffic.

    Args:
        target: gRPC target of the service, e.g. ``dns:///user-service.shop.svc.cluster.local:8081``.
        peer: Name of the service in the catalog.
        connect_timeout: Timeout of a connection attempt in seconds.
        tracer_provider: Provider of the tracers; the global one by default.
        meter_provider: Provider of the meters; the global one by default.
    """
    return aio.insecure_channel(
        target,
        options=channel_options(connect_timeout),
        interceptors=aio_client_interceptors(target, peer, tracer_provider, meter_provider),
    )
