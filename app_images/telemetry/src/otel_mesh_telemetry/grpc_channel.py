"""Channels to services of the catalogue, for asyncio gRPC."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from grpc import aio

from otel_mesh_telemetry.grpc_aio_client import aio_client_interceptors

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

_SERVICE_CONFIG: dict[str, Any] = {
    # over all addresses that the name has; behind a mesh it has one, and the sidecar balances
    "loadBalancingConfig": [{"round_robin": {}}],
    # No retryPolicy: one layer may retry, and that is the mesh. gRPC itself sends a call once more that no server
    # has seen, which is always safe.
}


def channel_options(connect_timeout: float = 1.0) -> list[tuple[str, Any]]:
    """Options of a channel that finds out soon when its peer is gone, and soon when it is back.

    Args:
        connect_timeout: seconds for one connection.
    """
    milliseconds = int(connect_timeout * 1000)
    return [
        ("grpc.service_config", json.dumps(_SERVICE_CONFIG)),
        # the name system is not asked for other settings
        ("grpc.service_config_disable_resolution", 1),
        # Between two tries calls fail at once. gRPC's own pause grows to two minutes: for as long a service that is
        # back would be missed.
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 500),
        ("grpc.min_reconnect_backoff_ms", milliseconds),  # how long one try may take, whatever its name says
        # A peer whose machine is gone sends no goodbye. The server has to permit pings as frequent as these.
        ("grpc.keepalive_time_ms", 20_000),
        ("grpc.keepalive_timeout_ms", 5_000),
        ("grpc.keepalive_permit_without_calls", 1),
        # an HTTP proxy of the environment is for calls out of the cluster
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
    """A channel to one service of the catalogue; the mesh encrypts it, so that gRPC does not.

    Args:
        target: where the service is, e.g. ``dns:///user-service.shop.svc.cluster.local:8081``.
        peer: its name in the catalogue.
        connect_timeout: seconds for the connection.
        tracer_provider: where spans go; the global one by default.
        meter_provider: where measurements go; the global one by default.
    """
    return aio.insecure_channel(
        target,
        options=channel_options(connect_timeout),
        interceptors=aio_client_interceptors(target, peer, tracer_provider, meter_provider),
    )
