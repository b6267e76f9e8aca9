"""Fixtures of the services' tests: a real PostgreSQL, a real Redis, a receiver of OTLP, service processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.app_images.services.shop import Shop
from tests.app_images.telemetry.otlp_receiver import Receiver

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.app_images.services.postgres_server import PostgresServer


@pytest.fixture(scope="module")
def shop(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Shop, Receiver]]:
    """The four services, patient enough for a busy machine, and what receives their telemetry."""
    settings = {
        "api_gateway": {
            "UPSTREAM_TIMEOUT_SECONDS": "25",
            "ORDER_TIMEOUT_SECONDS": "25",
            "ORDER_DEADLINE_SECONDS": "30",
            "ORDER_PATIENCE_SECONDS": "30",
            "ORDER_PATIENCE_SHARE": "0.5",
        },
        "order_service": {
            "PAYMENT_TIMEOUT_SECONDS": "20",
            "ORDER_PATIENCE_SHARE": "0.5",
            "RECOVERY_GRACE_SECONDS": "5",
            "RECOVERY_INTERVAL_SECONDS": "0.2",
        },
    }
    with Receiver() as receiver, Shop(postgres, receiver, tmp_path_factory.mktemp("shop"), settings) as shop:
        yield shop, receiver


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running
