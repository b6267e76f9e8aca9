"""S2.5, S2.9: what the gateway makes of user-service's answers over gRPC, and what a kit's server makes of failures."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from grpc import aio

from api_gateway.users import GrpcUsers, HttpUsers, User, users_from
from otel_mesh_telemetry import deadline
from otel_mesh_telemetry.grpc_aio_server import AioServerInterceptor
from otel_mesh_telemetry.grpc_channel import mesh_channel
from otel_mesh_telemetry.testing import Capture, capture
from service_kit.grpc_calls import CallLog
from service_kit.problem import Problem
from service_kit.settings import Environment, SettingsError
from shop.user.v1 import user_pb2, user_pb2_grpc
from tests.programs.ports import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    Serving = Callable[..., Awaitable[int]]


class Service(user_pb2_grpc.UserServiceServicer):
    """Answers by the id: a status's number, 100 for a user, 101 for an answer without one, 102 late, 103 by failing.

    Attributes:
        left: seconds that callers gave, call by call.
    """

    def __init__(self) -> None:
        self.left: list[float] = []

    async def GetUser(  # noqa: N802 - the protocol's name
        self, request: user_pb2.GetUserRequest, context: aio.ServicerContext[Any, Any]
    ) -> user_pb2.GetUserResponse:
        self.left.append(context.time_remaining())
        if request.id < 100:
            status = next(one for one in grpc.StatusCode if one.value[0] == request.id)
            await context.abort(status, "canary@example.com")
        if request.id == 102:
            await asyncio.sleep(600)
        if request.id == 103:
            raise LookupError("canary@example.com")
        user = user_pb2.User(id=request.id, name="Ann", email="ann@example.com")
        return user_pb2.GetUserResponse(user=user if request.id == 100 else None)


@pytest.fixture
def seen() -> Iterator[Capture]:
    with capture() as running:
        yield running


@pytest.fixture
async def serving(seen: Capture) -> AsyncIterator[Serving]:
    """Starts a server at a port, by default a free one, and gives the port; it ends with the test."""
    servers: list[aio.Server] = []

    async def start(port: int = 0, service: Service | None = None) -> int:
        server = aio.server(interceptors=[AioServerInterceptor(**seen.providers), CallLog()])
        servers.append(server)
        user_pb2_grpc.add_UserServiceServicer_to_server(service or Service(), server)
        bound = server.add_insecure_port(f"127.0.0.1:{port}")
        await server.start()
        return bound

    yield start
    for server in servers:
        await server.stop(None)


@asynccontextmanager
async def asking(seen: Capture, port: int, seconds: float = 600.0) -> AsyncIterator[GrpcUsers]:
    users = GrpcUsers(lambda: mesh_channel(f"dns:///127.0.0.1:{port}", peer="user-service", **seen.providers), seconds)
    async with users.opened():
        yield users


@pytest.mark.parametrize(
    ("user", "status", "detail"),
    [
        (grpc.StatusCode.UNAVAILABLE.value[0], 503, "user-service is unavailable"),
        (grpc.StatusCode.DEADLINE_EXCEEDED.value[0], 504, "user-service did not respond in time"),
        (grpc.StatusCode.INTERNAL.value[0], 502, "user-service responded with status INTERNAL"),
        (grpc.StatusCode.UNIMPLEMENTED.value[0], 502, "user-service responded with status UNIMPLEMENTED"),
        (grpc.StatusCode.INVALID_ARGUMENT.value[0], 502, "user-service responded with status INVALID_ARGUMENT"),
        (101, 502, "user-service sent an invalid response"),
        (103, 502, "user-service responded with status INTERNAL"),
    ],
)
async def test_s2_9_statuses_of_grpc_are_the_gateway_s_problems(
    seen: Capture, serving: Serving, user: int, status: int, detail: str
) -> None:
    port = await serving()
    async with asking(seen, port) as users:
        with pytest.raises(Problem) as raised:
            await users.get(user)
    assert (raised.value.status, raised.value.detail) == (status, detail)


async def test_s2_9_a_user_and_no_user(seen: Capture, serving: Serving) -> None:
    port = await serving()
    async with asking(seen, port) as users:
        assert await users.get(100) == User(id=100, name="Ann", email="ann@example.com")
        assert await users.get(grpc.StatusCode.NOT_FOUND.value[0]) is None
    assert "ann@example.com" not in str([dict(span.attributes or {}) for span in seen.spans()])


async def test_s1_12_the_nearer_of_timeout_and_deadline_counts(seen: Capture, serving: Serving) -> None:
    service = Service()
    port = await serving(service=service)
    async with asking(seen, port) as users:
        for within, least, most in ((300, 0, 300), (2000, 320, 600)):
            with deadline.within(within):
                await users.get(100)
            assert least < service.left[-1] <= most * 1.01, "gRPC rounds up"
        with deadline.within(0.3), pytest.raises(Problem) as raised:
            await users.get(102)
        assert raised.value.status == 504
    async with asking(seen, port, seconds=0.3) as users:
        with deadline.within(600), pytest.raises(Problem) as raised:
            await users.get(102)
        assert raised.value.status == 504
        with deadline.within(0), pytest.raises(Problem) as raised:
            await users.get(100)
        assert raised.value.status == 504


async def test_s2_9_a_service_that_is_gone_is_looked_for_again_and_again_and_found_when_it_comes_back(
    seen: Capture,
    serving: Serving,
) -> None:
    tries = 0

    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal tries
        tries += 1
        writer.close()

    async def ask() -> User | None:
        try:
            return await users.get(100)
        except Problem as problem:
            if problem.status != 503:  # nobody waits for a service that is known to be gone
                raise
            return None

    port = free_port()  # no connection takes it between the two that listen
    nobody = await asyncio.start_server(hang_up, "127.0.0.1", port)
    async with asking(seen, port) as users:
        async with asyncio.timeout(60), nobody:
            while tries < 12:  # gRPC's own pauses would have grown to five minutes in all
                assert await ask() is None
                await asyncio.sleep(0.05)
        await serving(port)
        async with asyncio.timeout(60):
            while await ask() is None:  # noqa: ASYNC110 - nothing tells
                await asyncio.sleep(0.05)


async def test_s2_7_a_call_is_one_line_and_what_failed_is_for_the_log_alone(
    seen: Capture, serving: Serving, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "service_kit.calls")
    service = Service()
    port = await serving(service=service)
    async with aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = user_pb2_grpc.UserServiceStub(channel)
        await stub.GetUser(user_pb2.GetUserRequest(id=100))
        with pytest.raises(aio.AioRpcError) as raised:
            await stub.GetUser(user_pb2.GetUserRequest(id=103))
        for seconds in (1, 10, 60):  # until it is enough for the call to get as far as its handler
            with pytest.raises(aio.AioRpcError):
                await stub.GetUser(user_pb2.GetUserRequest(id=102), timeout=seconds)
            if len(service.left) > 2:
                break
    assert raised.value.code() is grpc.StatusCode.INTERNAL
    assert raised.value.details() == "internal error; see the log of the service"

    def lines_so_far() -> list[logging.LogRecord]:
        return [record for record in caplog.records if record.name == "service_kit.calls"]

    async with asyncio.timeout(60):
        # the last call's server hears of its end after its caller
        while len(lines_so_far()) < max(3, len(service.left)):  # noqa: ASYNC110 - a log has no event to wait for
            await asyncio.sleep(0.02)
    lines = lines_so_far()
    told = [(line.levelname, line.getMessage(), line.__dict__["rpc.response.status_code"]) for line in lines]
    assert told[:2] == [
        ("INFO", "call", "OK"),
        ("ERROR", "call failed", "INTERNAL"),
    ]
    # Depends on what the server sees first: its own deadline, or the caller that gives up at the same time. On a busy
    # machine a call may reach its handler when its caller has begun the next one.
    assert set(told[2:]) <= {("WARNING", "call", "DEADLINE_EXCEEDED"), ("INFO", "call", "CANCELLED")}
    assert len(lines) == len(service.left), "one line for each call"
    assert lines[1].exc_info is not None
    assert lines[1].exc_info[0] is LookupError
    failed = next(span for span in seen.spans() if (span.attributes or {})["rpc.response.status_code"] == "INTERNAL")
    assert [event.name for event in failed.events] == ["exception"]


async def test_users_are_asked_as_their_address_says(seen: Capture) -> None:
    def made(url: str) -> object:
        return users_from(Environment({"USER_SERVICE_URL": url}), seen)

    assert isinstance(made("dns:///user-service.shop.svc.cluster.local:8081"), GrpcUsers)
    assert isinstance(made("http://user-service:8081"), HttpUsers)
    for wrong in ("dns:///", "user-service:8081", "ftp://x"):
        with pytest.raises(SettingsError, match="dns:///user-service:8081"):
            made(wrong)
