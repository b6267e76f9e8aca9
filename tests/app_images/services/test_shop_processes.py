"""The two services as real processes against a real PostgreSQL and Redis, watched through what they export."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from typing import TYPE_CHECKING, Any

import grpc
import httpx
import pytest

from otel_mesh_telemetry.rpc import status_name
from shop.user.v1 import user_pb2, user_pb2_grpc
from tests.app_images.services.service_process import PATIENCE_S, ServiceProcess
from tests.app_images.telemetry.otlp_receiver import plain
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.app_images.services.postgres_server import PostgresServer
    from tests.app_images.services.redis_server import RedisServer
    from tests.app_images.telemetry.otlp_receiver import Receiver


Shop = tuple[ServiceProcess, ServiceProcess]
"""api-gateway and user-service."""


@contextlib.contextmanager
def running(settings: dict[str, str], folder: Path, protocol: str = "grpc") -> Iterator[Shop]:
    with ServiceProcess("user_service", settings, folder, protocol=protocol) as users:
        gateway_settings = {**settings, "USER_SERVICE_URL": users.url, "UPSTREAM_TIMEOUT_SECONDS": "25"}
        with ServiceProcess("api_gateway", gateway_settings, folder) as gateway:
            users.wait_ready()
            gateway.wait_ready()
            yield gateway, users


@pytest.fixture
def settings(postgres: PostgresServer, redis: RedisServer, receiver: Receiver) -> dict[str, str]:
    """The environment of user-service, as the catalog's stores and the stack give it, and more of the gateway's."""
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint,
        **postgres.environment(postgres.new_database("user_service")),
        **redis.environment(),
        "REDIS_TIMEOUT_SECONDS": "5",
        "SHUTDOWN_DELAY_SECONDS": "5",
        "ORDER_SERVICE_URL": "http://127.0.0.1:9",  # nobody: no order is placed here
    }


@pytest.fixture
def shop(settings: dict[str, str], tmp_path: Path) -> Iterator[Shop]:
    with running(settings, tmp_path) as both:
        yield both


def by_name(receiver: Receiver) -> dict[str, Any]:
    return {f"{resource['service.name']}: {span.name}": span for resource, span in receiver.spans}


METHOD = "shop.user.v1.UserService/GetUser"
EDGE = "api-gateway: GET /api/users/{id}"
PAUSE_S = 0.01
"""Between a caller's requests, so that their number keeps within what the queue of spans holds."""


def test_s2_8_one_request_is_one_trace_through_both_services_the_cache_and_the_database(
    shop: Shop, receiver: Receiver
) -> None:
    gateway, users = shop
    answer = httpx.get(f"{gateway.url}/api/users/123", timeout=PATIENCE_S)
    assert answer.status_code == 200
    assert answer.json() == {"id": 123, "name": "User 123", "email": "user123@example.com"}
    chain = [EDGE, f"api-gateway: {METHOD}", f"user-service: {METHOD}"]
    stores = ["user-service: GET users", "user-service: SELECT users", "user-service: SET users"]
    wanted = {*chain, *stores}
    receiver.wait_for(lambda: wanted <= by_name(receiver).keys())
    spans = by_name(receiver)
    assert spans.keys() == wanted, "migrations, probes and pool checks leave no span"
    for child, parent in [*zip(chain[1:], chain, strict=False), *((store, chain[2]) for store in stores)]:
        assert spans[child].parent_span_id == spans[parent].span_id
    assert len({span.trace_id for span in spans.values()}) == 1
    client = plain(spans[chain[1]].attributes)
    assert (client["service.peer.name"], client["peer.service"]) == ("user-service", "user-service")
    assert (client["rpc.system.name"], client["rpc.response.status_code"]) == ("grpc", "OK")
    assert plain(spans[chain[2]].attributes)["cache.outcome"] == "miss"
    query = plain(spans[stores[1]].attributes)
    assert query["db.query.text"] == "SELECT id, name, email FROM users WHERE id = %s"
    assert [plain(spans[one].attributes)["db.system.name"] for one in stores] == ["redis", "postgresql", "redis"]

    trace_id = spans[EDGE].trace_id.hex()
    for service, message, key, outcome in (
        (gateway, "request", "http.response.status_code", 200),
        (users, "call", "rpc.response.status_code", "OK"),
    ):
        wait_for(lambda: trace_id in service.text())  # noqa: B023 - asked at once
        (line,) = [line for line in service.lines() if line.get("trace_id") == trace_id]
        assert line["message"] == message
        assert line[key] == outcome
    receiver.wait_for(lambda: {r.trace_id.hex() for _, r in receiver.records} >= {trace_id})
    names = {"http.server.request.duration", "rpc.client.call.duration", "rpc.server.call.duration"}
    names |= {"db.client.operation.duration", "shop.cache.lookups"}
    receiver.wait_for(lambda: names <= {metric.name for _, metric in receiver.metrics})


def test_s2_9_the_second_request_of_a_user_asks_the_cache_and_not_the_database(shop: Shop, receiver: Receiver) -> None:
    gateway, _ = shop
    first, second = (httpx.get(f"{gateway.url}/api/users/123", timeout=PATIENCE_S).json() for _ in range(2))
    assert first == second
    receiver.wait_for(lambda: [span.name for _, span in receiver.spans].count(EDGE.split(": ")[1]) == 2)
    receiver.wait_for(lambda: len(receiver.spans) == 6 + 4)
    trace_id = next(span.trace_id for _, span in receiver.spans if plain(span.attributes).get("cache.outcome") == "hit")
    stores = [span.name for about, span in receiver.spans if span.trace_id == trace_id and span.name.endswith(" users")]
    assert stores == ["GET users"]


def test_s2_10_nothing_personal_and_no_password_is_in_what_services_export(
    shop: Shop, receiver: Receiver, postgres: PostgresServer, redis: RedisServer
) -> None:
    gateway, users = shop
    for path in ("/api/users/123", "/api/users/123", "/api/users/999"):
        httpx.get(gateway.url + path, timeout=PATIENCE_S)
    redis.stop()
    httpx.get(f"{gateway.url}/api/users/2", timeout=PATIENCE_S)
    receiver.wait_for(lambda: [span.name for _, span in receiver.spans].count("GET /api/users/{id}") == 4)
    gateway.stop()
    users.stop()
    told = f"{receiver.spans}{receiver.metrics}{receiver.records}{gateway.text()}{users.text()}"
    assert "SELECT users" in told
    for canary in ("@example.com", "User 123", postgres.password, redis.password):
        assert canary not in told


def test_s2_5_over_http_the_same_services_say_the_same(
    settings: dict[str, str], receiver: Receiver, tmp_path: Path
) -> None:
    with running(settings, tmp_path, protocol="http") as (gateway, users):
        answers = [httpx.get(f"{gateway.url}/api/users/{user}", timeout=PATIENCE_S) for user in (123, 123, 999)]
        assert [answer.status_code for answer in answers] == [200, 200, 404]
        assert answers[0].json() == {"id": 123, "name": "User 123", "email": "user123@example.com"}
        assert answers[2].json()["detail"] == "user 999 does not exist"
        users.stop()
        assert gateway.status("/api/users/123") == 503
    names = [span.name for about, span in receiver.spans if about["service.name"] == "user-service"]
    assert sorted(names) == sorted(
        [*["GET /users/{id}"] * 3, *["GET users"] * 3, *["SELECT users"] * 2, *["SET users"] * 2]
    )


def test_s2_9_errors_have_the_right_status_and_say_so_as_problem_json(
    shop: Shop,
) -> None:
    gateway, users = shop
    for path, status in (
        ("/api/users/abc", 400),
        ("/api/users/0", 400),
        ("/api/users/-1", 400),
        ("/api/users/9223372036854775808", 400),
        ("/api/users/%D9%A1", 400),
        ("/api/users/999", 404),
        ("/api/nothing", 404),
    ):
        answer = httpx.get(gateway.url + path, timeout=PATIENCE_S)
        assert (path, answer.status_code) == (path, status)
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == status
    assert httpx.post(f"{gateway.url}/api/users/123", timeout=PATIENCE_S).status_code == 405
    users.stop()
    answer = httpx.get(f"{gateway.url}/api/users/123", timeout=PATIENCE_S)
    assert answer.status_code == 503
    assert answer.json()["detail"] == "user-service is unavailable"
    assert answer.headers["retry-after"] == "1"
    assert gateway.status("/readyz") == 200, "a callee's failure does not take the gateway out of service"


def test_s2_9_database_gone_and_back_needs_nobody(
    postgres: PostgresServer, redis: RedisServer, shop: Shop, receiver: Receiver
) -> None:
    gateway, users = shop
    assert gateway.status("/api/users/123") == 200
    postgres.stop()
    try:
        assert gateway.status("/api/users/1") in (503, 504)
        assert gateway.status("/api/users/123") == 200, "who was asked for a moment ago is still known"
        users.wait_ready()  # a pod whose cache answers stays in service
        redis.stop()
        while users.ready():
            time.sleep(0.05)
        assert users.live()
        redis.start()
        users.wait_ready()
        redis.stop()
    finally:
        postgres.start()
        redis.start()
    users.wait_ready()
    wait_for(lambda: gateway.status("/api/users/1") == 200)  # the cache answers before the pool has connected again
    assert not [span for _, span in receiver.spans if "PING" in span.name], "probes leave no span"


@pytest.mark.parametrize("how", ["stop", "stall"])
def test_s2_9_without_its_cache_the_service_goes_on(
    redis: RedisServer, settings: dict[str, str], tmp_path: Path, receiver: Receiver, how: str
) -> None:
    def errors() -> set[str]:
        return {span.name for _, span in receiver.spans if plain(span.attributes).get("error.type")}

    def hits() -> bool:
        return any(plain(span.attributes).get("cache.outcome") == "hit" for _, span in receiver.spans)

    def asked(user: int) -> bool:
        assert gateway.status(f"/api/users/{user}") == 200
        return True

    with running({**settings, "REDIS_TIMEOUT_SECONDS": "0.25"}, tmp_path) as (gateway, users):
        assert asked(123)
        getattr(redis, how)()
        try:
            assert all(asked(123) for _ in range(5))
            users.wait_ready()
            receiver.wait_for(lambda: asked(123) and "GET users" in errors())
        finally:
            redis.resume() if how == "stall" else redis.start()
        assert errors() <= {"GET users", "SET users"}
        receiver.spans.clear()
        receiver.wait_for(lambda: asked(2) and hits())  # after the cache's rest


def test_s2_9_a_hundred_requests_for_one_user_at_once_are_one_query(shop: Shop, receiver: Receiver) -> None:
    gateway, _ = shop

    async def burst() -> list[int]:
        async with httpx.AsyncClient(timeout=60, limits=httpx.Limits(max_connections=100)) as client:
            answers = await asyncio.gather(*(client.get(f"{gateway.url}/api/users/123") for _ in range(100)))
            return [answer.status_code for answer in answers]

    assert asyncio.run(burst()) == [200] * 100
    receiver.wait_for(lambda: [span.name for _, span in receiver.spans].count("GET /api/users/{id}") == 100)
    receiver.wait_for(lambda: [span.name for _, span in receiver.spans].count(METHOD) == 200)
    assert [span.name for _, span in receiver.spans].count("SELECT users") == 1


def test_s1_12_the_caller_s_deadline_is_the_call_s(
    settings: dict[str, str], postgres: PostgresServer, receiver: Receiver, tmp_path: Path
) -> None:
    """user-service waits for a table that is locked; the gateway's caller does not wait as long.

    The gateway gives up when the time is over. user-service has the same deadline, and sees either that or that it is
    called off.
    """
    with (
        running({**settings, "REDIS_HOST": ""}, tmp_path) as (gateway, _),
        postgres.connect(settings["DATABASE_NAME"]) as other,
        other.transaction(),
    ):
        other.execute("LOCK TABLE users")
        headers = {"x-request-timeout-ms": "4000"}  # a statement's own limit is 5 s
        answer = httpx.get(f"{gateway.url}/api/users/123", headers=headers, timeout=60)
        receiver.wait_for(lambda: [span.name for _, span in receiver.spans].count(METHOD) == 2)
    assert answer.status_code == 504
    assert answer.json()["detail"] == "user-service did not respond in time"
    calls = [(about["service.name"], plain(span.attributes)) for about, span in receiver.spans if span.name == METHOD]
    told = {name: one["rpc.response.status_code"] for name, one in calls}
    assert told["api-gateway"] == "DEADLINE_EXCEEDED"
    assert told["user-service"] in ("DEADLINE_EXCEEDED", "CANCELLED")


def test_s2_4_sigterm_under_load_loses_no_request_and_no_span(shop: Shop, receiver: Receiver) -> None:
    gateway, _ = shop
    statuses: list[int] = []
    unready = threading.Event()

    def load() -> None:
        with httpx.Client(timeout=PATIENCE_S) as client:
            while not unready.wait(PAUSE_S):
                statuses.append(client.get(f"{gateway.url}/api/users/123").status_code)
                if client.get(f"{gateway.url}/readyz").status_code == 503:
                    unready.set()  # as a Service does: no further requests once readiness is off

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    wait_for(lambda: len(statuses) >= 20)
    assert gateway.stop() == 0
    for thread in threads:
        thread.join(60)
    assert unready.is_set()
    assert set(statuses) == {200}
    served = [span for about, span in receiver.spans if about["service.name"] == "api-gateway" and span.kind == 2]
    assert len(served) == len(statuses)


def test_s2_4_sigterm_under_load_loses_no_call_and_no_span_of_a_service_that_speaks_grpc(
    shop: Shop, receiver: Receiver
) -> None:
    _, users = shop
    statuses: list[str] = []
    unready = threading.Event()

    def load() -> None:
        with grpc.insecure_channel(users.url) as channel:
            stub = user_pb2_grpc.UserServiceStub(channel)
            while not unready.wait(PAUSE_S):
                try:
                    stub.GetUser(user_pb2.GetUserRequest(id=123), timeout=PATIENCE_S)
                    statuses.append("OK")
                except grpc.RpcError as error:
                    statuses.append(status_name(error.code()))
                if users.health("readiness") == "NOT_SERVING":
                    unready.set()  # as a Service does: no further calls once readiness is off

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    wait_for(lambda: len(statuses) >= 20)
    assert users.stop() == 0
    for thread in threads:
        thread.join(60)
    assert unready.is_set()
    assert set(statuses) == {"OK"}
    assert [span.name for _, span in receiver.spans].count(METHOD) == len(statuses)


def test_s2_4_a_second_signal_ends_a_drain_at_once(settings: dict[str, str], tmp_path: Path) -> None:
    slow = {**settings, "SHUTDOWN_DELAY_SECONDS": "60"}
    for module, protocol, more in (
        ("user_service", "grpc", {}),
        ("api_gateway", "http", {"USER_SERVICE_URL": "dns:///127.0.0.1:1"}),
    ):
        with ServiceProcess(module, {**slow, **more}, tmp_path, protocol=protocol) as service:
            service.wait_ready()
            service.process.terminate()
            while service.ready():
                time.sleep(0.02)
            assert service.live(), "who drains still works"
            assert service.stop() == 0


def test_s2_5_health_is_told_by_service(shop: Shop) -> None:
    _, users = shop
    known = {name: users.health(name) for name in ("", "liveness", "readiness", "shop.user.v1.UserService")}
    assert known == {
        "": "SERVING",
        "liveness": "SERVING",
        "readiness": "SERVING",
        "shop.user.v1.UserService": "NOT_FOUND",
    }


def test_s2_5_statuses_are_those_of_the_protocol(shop: Shop) -> None:
    _, users = shop
    with grpc.insecure_channel(users.url) as channel:
        stub = user_pb2_grpc.UserServiceStub(channel)
        assert stub.GetUser(user_pb2.GetUserRequest(id=123)).user.name == "User 123"
        for user, status in ((0, "INVALID_ARGUMENT"), (-1, "INVALID_ARGUMENT"), (2**63 - 1, "NOT_FOUND")):
            with pytest.raises(grpc.RpcError) as raised:
                stub.GetUser(user_pb2.GetUserRequest(id=user))
            assert status_name(raised.value.code()) == status


def test_wrong_settings_are_one_line_and_exit_status_2(postgres: PostgresServer, tmp_path: Path) -> None:
    good = {**postgres.environment("x"), "OTEL_SDK_DISABLED": "true"}
    for change, message in (
        ({"DATABASE_HOST": ""}, "DATABASE_HOST: not set; set it in the service's environment"),
        ({"DATABASE_PORT": "many"}, "DATABASE_PORT='many': not a number from 1 to 65535; correct it"),
        ({"DATABASE_PASSWORD_FILE": "/nowhere"}, "/nowhere: No such file or directory; mount the secret there"),
        ({"PROTOCOL": "smtp"}, "PROTOCOL='smtp': unknown value; set one of http, grpc"),
        ({"REDIS_HOST": "redis"}, "REDIS_USER: not set; set it in the service's environment"),
        ({"LOG_LEVEL": "LOUD"}, "LOG_LEVEL='LOUD': unknown value; set one of DEBUG, INFO, WARNING, ERROR, CRITICAL"),
    ):
        with ServiceProcess("user_service", {**good, **change}, tmp_path) as service:
            assert service.process.wait(60) == 2
            assert service.text().splitlines()[0].endswith(message)
            assert len(service.text().splitlines()) == 1
