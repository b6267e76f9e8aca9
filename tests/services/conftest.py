"""Fixtures of the services' tests: a real PostgreSQL, a receiver of OTLP, service processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.services.postgres_server import PostgresServer
from tests.telemetry.otlp_receiver import Receiver

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    server = PostgresServer()
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running
