"""Liveness and readiness by gRPC's health protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

if TYPE_CHECKING:
    from grpc import aio

    from service_kit.probes import Probes

LIVENESS = "liveness"
READINESS = "readiness"
"""Service names in the kubelet's probes (`otel_mesh.services.microservice`); the server, ``""``, has readiness too."""


class Health(health_pb2_grpc.HealthServicer):
    """``grpc.health.v1.Health/Check``; ``Watch`` is unimplemented, which the protocol permits.

    Args:
        probes: Liveness and readiness of the service.
    """

    def __init__(self, probes: Probes) -> None:
        self._probes = probes

    async def Check(  # noqa: N802 - the protocol's name
        self, request: health_pb2.HealthCheckRequest, context: aio.ServicerContext[Any, Any]
    ) -> health_pb2.HealthCheckResponse:
        """The status of liveness, readiness or the server."""
        if request.service not in ("", LIVENESS, READINESS):
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such service")
        serving = request.service == LIVENESS or await self._probes.reason_against() is None
        status = health_pb2.HealthCheckResponse
        return status(status=status.SERVING if serving else status.NOT_SERVING)
