"""Real stores for the tests of the services and of the telemetry library: one of each per worker."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.app_images.services import redis_server as redis_servers
from tests.app_images.services.postgres_server import running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.app_images.services.postgres_server import PostgresServer
    from tests.app_images.services.redis_server import RedisServer
    from tests.built import Built


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    with running() as server:
        yield server


@pytest.fixture(scope="session")
def redis_server(built: Built) -> Iterator[RedisServer]:
    with redis_servers.running(built.debian("redis-server")) as server:
        yield server


@pytest.fixture
def redis(redis_server: RedisServer) -> RedisServer:
    """The server, empty and running, whatever a test did to it."""
    redis_server.stop()
    redis_server.start()
    return redis_server
