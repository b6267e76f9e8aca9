"""The two services as real processes against a real PostgreSQL, watched through what they export."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.services.service_process import ServiceProcess
from tests.telemetry.otlp_receiver import plain

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.services.postgres_server import PostgresServer
    from tests.telemetry.otlp_receiver import Receiver


@pytest.fixture
def shop(
    postgres: PostgresServer, receiver: Receiver, tmp_path: Path
) -> Iterator[tuple[ServiceProcess, ServiceProcess]]:
    exports = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint}
    database = postgres.environment(postgres.new_database())
    with ServiceProcess("user_service", {**exports, **database}, tmp_path) as users:
        gateway_settings = {**exports, "USER_SERVICE_URL": users.url, "UPSTREAM_TIMEOUT_SECONDS": "2"}
        gateway_settings["ORDER_SERVICE_URL"] = "http://127.0.0.1:9"  # nobody: no order is placed here
        with ServiceProcess("api_gateway", gateway_settings, tmp_path) as gateway:
            users.wait_ready()
            gateway.wait_ready()
            yield gateway, users


def by_name(receiver: Receiver) -> dict[str, Any]:
    return {f"{resource['service.name']}: {span.name}": span for resource, span in receiver.spans}


def test_s2_8_one_request_is_one_trace_through_both_services_and_the_database(
    shop: tuple[ServiceProcess, ServiceProcess], receiver: Receiver
) -> None:
    gateway, users = shop
    answer = httpx.get(f"{gateway.url}/api/users/123")
    assert answer.status_code == 200
    assert answer.json() == {"id": 123, "name": "User 123", "email": "user123@example.com"}
    wanted = [
        "api-gateway: GET /api/users/{id}",
        "api-gateway: GET /users/{id}",
        "user-service: GET /users/{id}",
        "user-service: SELECT users",
    ]
    receiver.wait_for(lambda: set(wanted) <= by_name(receiver).keys())
    spans = by_name(receiver)
    assert spans.keys() == set(wanted), "migrations, probes and pool checks leave no span"
    for child, parent in zip(wanted[1:], wanted, strict=False):
        assert spans[child].parent_span_id == spans[parent].span_id
    assert len({span.trace_id for span in spans.values()}) == 1
    client = plain(spans[wanted[1]].attributes)
    assert (client["service.peer.name"], client["peer.service"]) == ("user-service", "user-service")
    query = plain(spans[wanted[3]].attributes)
    assert query["db.query.text"] == "SELECT id, name, email FROM users WHERE id = %s"
    assert query["db.system.name"] == "postgresql"

    trace_id = spans[wanted[0]].trace_id.hex()
    for service in (gateway, users):
        (line,) = [line for line in service.lines() if line.get("trace_id") == trace_id]
        assert line["message"] == "request"
        assert line["http.response.status_code"] == 200
    receiver.wait_for(lambda: {r.trace_id.hex() for _, r in receiver.records} >= {trace_id})
    names = {"http.server.request.duration", "http.client.request.duration", "db.client.operation.duration"}
    receiver.wait_for(lambda: names <= {metric.name for _, metric in receiver.metrics})
    assert "@example.com" not in str(receiver.spans) + str(receiver.records) + gateway.text() + users.text()


def test_s2_9_errors_have_the_right_status_and_say_so_as_problem_json(
    shop: tuple[ServiceProcess, ServiceProcess],
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
        answer = httpx.get(gateway.url + path)
        assert (path, answer.status_code) == (path, status)
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == status
    assert httpx.post(f"{gateway.url}/api/users/123").status_code == 405
    users.stop()
    answer = httpx.get(f"{gateway.url}/api/users/123")
    assert answer.status_code == 503
    assert answer.json()["detail"] == "user-service cannot be reached"
    assert gateway.status("/readyz") == 200, "a callee's failure does not take the gateway out of service"


def test_s2_9_database_gone_and_back_needs_nobody(
    postgres: PostgresServer, shop: tuple[ServiceProcess, ServiceProcess]
) -> None:
    gateway, users = shop
    assert gateway.status("/api/users/123") == 200
    postgres.stop()
    try:
        began = time.monotonic()
        assert gateway.status("/api/users/123") in (503, 504)
        assert time.monotonic() - began < 5
        assert users.status("/readyz") == 503
        assert users.status("/livez") == 200
    finally:
        postgres.start()
    users.wait_ready()
    assert gateway.status("/api/users/123") == 200


def test_s2_4_sigterm_under_load_loses_no_request_and_no_span(
    shop: tuple[ServiceProcess, ServiceProcess], receiver: Receiver
) -> None:
    gateway, _ = shop
    statuses: list[int] = []
    unready = threading.Event()

    def load() -> None:
        with httpx.Client(timeout=5) as client:
            while not unready.is_set():
                statuses.append(client.get(f"{gateway.url}/api/users/123").status_code)
                if client.get(f"{gateway.url}/readyz").status_code == 503:
                    unready.set()  # as a Service does: no further requests once readiness is off

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    assert gateway.stop() == 0
    for thread in threads:
        thread.join(10)
    assert unready.is_set()
    assert set(statuses) == {200}
    served = [span for about, span in receiver.spans if about["service.name"] == "api-gateway" and span.kind == 2]
    assert len(served) == len(statuses)


def test_s2_9_replicas_that_start_together_migrate_once(
    postgres: PostgresServer, receiver: Receiver, tmp_path: Path
) -> None:
    name = postgres.new_database()
    settings = {**postgres.environment(name), "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint}
    replicas = [ServiceProcess("user_service", settings, tmp_path, f"replica-{n}") for n in range(3)]
    try:
        for replica in replicas:
            replica.wait_ready()
        migrated = [line for r in replicas for line in r.lines() if line["message"].startswith("schema migrated")]
        assert len(migrated) == 1
        with postgres.connect(name) as connection:
            assert connection.execute("SELECT count(*) FROM schema_migrations").fetchone() == (2,)
            assert connection.execute("SELECT count(*) FROM users WHERE id = 123").fetchone() == (1,)
        assert all(postgres.password not in replica.text() for replica in replicas)
    finally:
        for replica in replicas:
            replica.__exit__()


def test_wrong_settings_are_one_line_and_exit_status_2(postgres: PostgresServer, tmp_path: Path) -> None:
    good = {**postgres.environment("x"), "OTEL_SDK_DISABLED": "true"}
    for change, message in (
        ({"DATABASE_HOST": ""}, "DATABASE_HOST: not set; set it in the service's environment"),
        ({"DATABASE_PORT": "many"}, "DATABASE_PORT='many': not a number from 1 to 65535; correct it"),
        ({"DATABASE_PASSWORD_FILE": "/nowhere"}, "/nowhere: No such file or directory; mount the secret there"),
        ({"LOG_LEVEL": "LOUD"}, "LOG_LEVEL='LOUD': not known; set one of DEBUG, INFO, WARNING, ERROR, CRITICAL"),
    ):
        with ServiceProcess("user_service", {**good, **change}, tmp_path) as service:
            assert service.process.wait(20) == 2
            assert service.text().splitlines()[0].endswith(message)
            assert len(service.text().splitlines()) == 1
