"""gRPC interface of user-service: ``shop.user.v1.UserService``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc

from service_kit.database import UnavailableError
from service_kit.grpc_serve import GrpcService, grpc_service
from service_kit.probes import Probes
from shop.user.v1 import user_pb2, user_pb2_grpc
from user_service.users import Users

if TYPE_CHECKING:
    from grpc import aio

    from otel_mesh_telemetry.providers import Providers
    from service_kit.settings import Environment


class UserMethods(user_pb2_grpc.UserServiceServicer):
    """Implementation of the gRPC methods; the statuses are defined in user.proto."""

    def __init__(self, users: Users) -> None:
        self._users = users

    async def GetUser(  # noqa: N802 - the protocol's name
        self, request: user_pb2.GetUserRequest, context: aio.ServicerContext[Any, Any]
    ) -> user_pb2.GetUserResponse:
        """The user with the requested ID."""
        if request.id < 1:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "the id must be an integer from 1")
        try:
            user = await self._users.get(request.id)
        except UnavailableError:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "the database is unavailable")
        if user is None:
            await context.abort(grpc.StatusCode.NOT_FOUND, f"user {request.id} does not exist")
        return user_pb2.GetUserResponse(user=user_pb2.User(id=user.id, name=user.name, email=user.email))


def build(environment: Environment, telemetry: Providers) -> GrpcService:
    """The service configured by the environment.

    Raises:
        SettingsError: A variable is missing or invalid.
    """
    users = Users.from_environment(environment, telemetry)

    def register(server: aio.Server) -> None:
        user_pb2_grpc.add_UserServiceServicer_to_server(UserMethods(users), server)

    return grpc_service(register, Probes(users.check), users.opened, telemetry)
