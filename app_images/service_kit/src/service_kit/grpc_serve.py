"""A gRPC server with graceful shutdown, which loses neither calls nor spans.

Requires the extra ``grpc``.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from grpc import aio
from grpc_health.v1 import health_pb2_grpc

from otel_mesh_telemetry.grpc_aio_server import AioServerInterceptor
from otel_mesh_telemetry.server_features import features_from
from service_kit import process
from service_kit.grpc_calls import CallLog
from service_kit.health import Health

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from otel_mesh_telemetry.providers import Providers
    from service_kit.probes import Probes
    from service_kit.process import Lifetime
    from service_kit.settings import Environment

_log = logging.getLogger(__name__)
_OPTIONS: list[tuple[str, Any]] = [
    # otherwise two processes could share a port, and its calls, unnoticed
    ("grpc.so_reuseport", 0),
    # Connections are closed gracefully after some time. Without a mesh that balances calls, this is how new pods get
    # some of them.
    ("grpc.max_connection_age_ms", 300_000),
    ("grpc.max_connection_age_grace_ms", 30_000),
    # clients send keepalive pings every 20 s (otel_mesh_telemetry.grpc_channel)
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
]


@dataclass(frozen=True, kw_only=True)
class GrpcService:
    """The parts of a gRPC service.

    Attributes:
        register: Function that adds the service's methods to a server.
        probes: Probes, served without span and log line.
        lifespan: Context manager that holds the service's resources.
        interceptors: Server interceptors, the outermost first.
    """

    register: Callable[[aio.Server], None]
    probes: Probes
    lifespan: Callable[[], AbstractAsyncContextManager[None]]
    interceptors: tuple[aio.ServerInterceptor, ...]


def grpc_service(
    register: Callable[[aio.Server], None],
    probes: Probes,
    lifespan: Callable[[], AbstractAsyncContextManager[None]],
    telemetry: Providers,
) -> GrpcService:
    """A gRPC service with a log line and a span per call.

    Args:
        register: Function that adds the service's methods to a server.
        probes: Probes, served without span and log line.
        lifespan: Context manager that holds the service's resources.
        telemetry: Providers of tracers and meters.

    Raises:
        ConfigError: The environment configures an unknown server feature.
    """
    traced = AioServerInterceptor(telemetry.tracer_provider, telemetry.meter_provider, features=features_from())
    return GrpcService(register=register, probes=probes, lifespan=lifespan, interceptors=(traced, CallLog()))


def run(make: Callable[[Environment, Providers], GrpcService], *, port: int) -> int:
    """Start telemetry, build the service, serve until SIGTERM and flush; returns the exit status of the process.

    Args:
        make: Function that builds the service.
        port: Default of PORT; the other settings are those of `process.Lifetime`.
    """
    return process.run(make, lambda service, lifetime: asyncio.run(_serve(service, lifetime)), port=port)


async def _serve(service: GrpcService, lifetime: Lifetime) -> bool:
    server = aio.server(interceptors=service.interceptors, options=_OPTIONS)
    service.register(server)
    health_pb2_grpc.add_HealthServicer_to_server(Health(service.probes), server)
    try:
        server.add_insecure_port(f"0.0.0.0:{lifetime.port}")  # the mesh encrypts; the pod's address is unknown here
    except RuntimeError as error:
        _log.error("port %d: %s", lifetime.port, error)
        return False
    stopping: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def stop(at_once: bool) -> None:  # noqa: FBT001 - as Drain calls it
        if not stopping.done():
            stopping.set_result(at_once)
        elif at_once:
            tasks.append(asyncio.ensure_future(server.stop(None)))

    tasks: list[asyncio.Future[None]] = []
    async with service.lifespan():
        await server.start()
        with process.Drain(service.probes, lifetime.delay, stop).listening():
            at_once = await stopping
            # rejects new calls; calls in progress may end
            await server.stop(None if at_once else lifetime.timeout)
    return True
