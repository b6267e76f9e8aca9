"""Clients of user-service for its two protocols."""

from __future__ import annotations

import contextlib
from functools import partial
from typing import TYPE_CHECKING, Protocol

import grpc
from grpc import aio
from pydantic import BaseModel

from api_gateway.upstream import get_json
from otel_mesh_telemetry.deadline import DeadlineExceededError
from otel_mesh_telemetry.grpc_channel import mesh_channel
from otel_mesh_telemetry.http_client import mesh_client
from service_kit.problem import Problem
from shop.user.v1 import user_pb2, user_pb2_grpc

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager

    import httpx

    from otel_mesh_telemetry.providers import Providers
    from service_kit.settings import Environment

_PEER = "user-service"
_DNS = "dns:///"
_NOT_FOUND = 404


class User(BaseModel):
    """A user in user-service's response."""

    id: int
    name: str
    email: str


class Users(Protocol):
    """The users of the shop."""

    async def get(self, user_id: int) -> User | None:
        """The user with an ID; None if the user does not exist.

        Raises:
            Problem: 502 for an unexpected or invalid response of user-service; 503 if it is unreachable or unavailable;
                504 if it does not respond in time.
        """

    def opened(self) -> AbstractAsyncContextManager[None]:
        """Open the connections, and close them at the end of the block."""


class HttpUsers:
    """Users from user-service over HTTP.

    Args:
        client: HTTP client of user-service.
    """

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def get(self, user_id: int) -> User | None:
        """The user with an ID, see `Users.get`."""
        try:
            return await get_json(self._client, _PEER, f"/users/{user_id}", "/users/{id}", User)
        except Problem as problem:
            if problem.status == _NOT_FOUND:
                return None
            raise

    @contextlib.asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Open the connections, and close them at the end of the block."""
        async with self._client:
            yield


class GrpcUsers:
    """Users from user-service over gRPC.

    Args:
        connect: Function that creates a channel to the service, bound to the running event loop.
        timeout: Timeout of a call in seconds; limited by the deadline.
    """

    def __init__(self, connect: Callable[[], aio.Channel], timeout: float) -> None:
        self._connect = connect
        self._stub: user_pb2_grpc.UserServiceAsyncStub | None = None
        self._timeout = timeout

    async def get(self, user_id: int) -> User | None:
        """The user with an ID, see `Users.get`; only inside `opened`."""
        if self._stub is None:
            raise RuntimeError("GrpcUsers: no connection; call get() inside opened()")
        try:
            answer = await self._stub.GetUser(user_pb2.GetUserRequest(id=user_id), timeout=self._timeout)
        except DeadlineExceededError as error:
            raise Problem(504, f"{_PEER} did not respond in time") from error
        except aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.NOT_FOUND:
                return None
            raise _problem(error) from error
        if not answer.HasField("user"):
            raise Problem(502, f"{_PEER} sent an invalid response")
        return User(id=answer.user.id, name=answer.user.name, email=answer.user.email)

    @contextlib.asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Open the connections, and close them at the end of the block."""
        async with self._connect() as channel:
            self._stub = user_pb2_grpc.UserServiceStub(channel)
            yield


def _problem(error: aio.AioRpcError) -> Problem:
    """The problem for a failed call; the status message is internal and not passed on."""
    code = error.code()
    if code is grpc.StatusCode.UNAVAILABLE:
        return Problem(503, f"{_PEER} is unavailable", {"Retry-After": "1"})
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return Problem(504, f"{_PEER} did not respond in time")
    return Problem(502, f"{_PEER} responded with status {code.name}")


def users_from(environment: Environment, telemetry: Providers) -> Users:
    """The client for USER_SERVICE_URL: gRPC if it begins with ``dns:///``, otherwise HTTP.

    UPSTREAM_TIMEOUT_SECONDS (3) is the timeout of a call.

    Raises:
        SettingsError: A variable is missing or invalid.
    """
    url = environment.url("USER_SERVICE_URL", ("http://", "https://", _DNS))
    timeout = environment.number("UPSTREAM_TIMEOUT_SECONDS", 3.0, low=0.05, high=30)
    tracer_provider, meter_provider = telemetry.tracer_provider, telemetry.meter_provider
    if url.startswith(_DNS):
        connect = partial(mesh_channel, url, peer=_PEER, tracer_provider=tracer_provider, meter_provider=meter_provider)
        return GrpcUsers(connect, timeout)
    return HttpUsers(
        mesh_client(url, peer=_PEER, timeout=timeout, tracer_provider=tracer_provider, meter_provider=meter_provider)
    )
