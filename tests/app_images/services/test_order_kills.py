"""S2.9: order-service killed (-9) at each of its steps, 200 orders in all: none lost, doubled or charged twice."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.app_images.services.order_gates import PaymentGate, held_in_database
from tests.app_images.services.service_process import ServiceProcess
from tests.app_images.services.shop import ORDER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.app_images.services.postgres_server import PostgresServer

AT_ONCE = 25
ENOUGH = 5
GATHERING_S = 3.0  # below the statements' own limit of 5 s, which would let go of them
STEPS = (
    ("in", "created"),
    ("commit", "created"),
    ("in", "payment_pending"),
    ("commit", "payment_pending"),
    ("before", "charge"),
    ("after", "charge"),
    ("in", "paid"),
    ("commit", "paid"),
)
"""Where it is killed: in or at the commit of the transaction that gives a status, before or after a call's effect."""
LATE = STEPS[5:7]
"""Where the next process comes too late to complete the orders: it gives back what they were charged."""


class Kills:
    """An order-service that is killed and started again, and clients that want orders meanwhile."""

    def __init__(self, postgres: PostgresServer, folder: Path, gate: PaymentGate, orders: str) -> None:
        self._settings = {
            **postgres.environment(orders),
            "OTEL_SDK_DISABLED": "true",
            "PAYMENT_SERVICE_URL": gate.url,
            "PAYMENT_TIMEOUT_SECONDS": "30",
            "DATABASE_POOL_SIZE": "30",
            "RECOVERY_GRACE_SECONDS": "1",
            "RECOVERY_INTERVAL_SECONDS": "0.2",
        }
        self._folder = folder
        self._stack = ExitStack()
        self._starts = 0
        self.gate = gate
        self.process = self.start()

    def start(self, window: int = 3600) -> ServiceProcess:
        self._starts += 1
        settings = {**self._settings, "PAYMENT_WINDOW_SECONDS": str(window)}
        process = ServiceProcess("order_service", settings, self._folder, f"order-service-{self._starts}")
        self.process = self._stack.enter_context(process)
        self.process.wait_ready()
        return self.process

    def kill(self) -> None:
        self.process.process.kill()
        self.process.process.wait(10)

    def close(self) -> None:
        self._stack.close()

    def want(self, key: str, *, again: bool) -> httpx.Response | None:
        """Post an order; whoever tries ``again`` does so until there is an answer that is one."""
        end = time.monotonic() + 120
        while True:
            try:
                headers = {"idempotency-key": key}
                answer = httpx.post(f"{self.process.url}/orders", json=ORDER, headers=headers, timeout=60)
            except httpx.TransportError:
                answer = None
            if not again or (answer is not None and answer.status_code < 500):
                return answer
            assert time.monotonic() < end, answer
            time.sleep(0.2)


@pytest.fixture
def kills(postgres: PostgresServer, tmp_path: Path) -> Iterator[tuple[Kills, str, str]]:
    orders, payments = postgres.new_database("order_service"), postgres.new_database("payment_service")
    settings = {**postgres.environment(payments), "OTEL_SDK_DISABLED": "true", "DEMONSTRATION_METHODS": "on"}
    with ServiceProcess("payment_service", settings, tmp_path) as service, PaymentGate(service.url) as gate:
        service.wait_ready()
        made = Kills(postgres, tmp_path, gate, orders)
        try:
            yield made, orders, payments
        finally:
            made.close()


def test_s2_9_no_order_is_lost_doubled_or_charged_twice_wherever_the_process_is_killed(
    postgres: PostgresServer, kills: tuple[Kills, str, str]
) -> None:
    service, orders, payments = kills
    answers: dict[str, httpx.Response | None] = {}
    with postgres.connect(orders) as connection, postgres.connect(payments) as ledger:
        for moment, what in STEPS:
            clients = ThreadPoolExecutor(AT_ONCE)
            gate = service.gate.holding(moment) if what == "charge" else held_in_database(connection, moment, what)
            keys = [f"{moment}-{what}-{number}" for number in range(AT_ONCE)]
            with clients:
                with gate as held:
                    wanted = {
                        key: clients.submit(service.want, key, again=number % 2 == 0) for number, key in enumerate(keys)
                    }
                    _gather(held)
                    service.kill()
                service.start(1 if (moment, what) in LATE else 3600)
                answers |= {key: future.result(120) for key, future in wanted.items()}
            _until_all_are_settled(connection)
            if (moment, what) in LATE:
                service.kill()
                service.start()
            stored = {key for (key,) in connection.execute("SELECT key FROM order_keys").fetchall()}
            assert set(keys[::2]) <= stored, f"lost at {moment} {what}, though it was asked for again"
            told = {key for key, answer in answers.items() if answer is not None and "order_id" in answer.json()}
            assert told <= stored, f"lost at {moment} {what}, though it was acknowledged"

        assert len(answers) == AT_ONCE * len(STEPS) == 200
        query = "SELECT id, key, status, total FROM orders JOIN order_keys ON id = order_id"
        by_key = {row[1]: row for row in connection.execute(query).fetchall()}
        [(count,)] = connection.execute("SELECT count(*) FROM orders").fetchall()
        assert count == len(by_key), "doubled"
        moved: dict[int, list[tuple[str, int]]] = {}
        query = "SELECT order_id, kind, m.amount FROM movements m JOIN payments p ON p.id = payment_id"
        for order_id, kind, amount in ledger.execute(query).fetchall():
            moved.setdefault(order_id, []).append((kind, amount))
        for key, (order_id, _, status, total) in by_key.items():
            kinds = sorted(kind for kind, _ in moved.get(order_id, []))
            assert (status, kinds) in (
                ("paid", ["charge"]),
                ("cancelled", []),
                ("cancelled", ["charge", "refund"]),
            ), key
            assert {amount for _, amount in moved.pop(order_id, [])} <= {total}
        assert moved == {}, "charged for no order"
        refunded = ledger.execute("SELECT count(*) FROM payments WHERE status = 'refunded'").fetchone()
        assert refunded is not None
        assert refunded[0] > 0
        # Held in time or not: of whom the next process could still serve, who asked again got what was wanted.
        again = {f"{moment}-{what}-{n}" for moment, what in set(STEPS) - set(LATE) for n in range(0, AT_ONCE, 2)}
        assert {by_key[key][2] for key in again} == {"paid"}
        for key, answer in answers.items():
            if answer is not None and answer.status_code == 201:
                order_id, _, status, _ = by_key[key]
                assert (answer.json()["order_id"], status) == (order_id, "paid")


def _gather(held: Callable[[], int]) -> None:
    """Wait until all are held at this very place, or on a busy machine enough of them for as long as they can be."""
    end = time.monotonic() + 60
    first = 0.0
    while (count := held()) < AT_ONCE:
        first = (first or time.monotonic()) if count >= ENOUGH else 0.0
        if first and time.monotonic() > first + GATHERING_S:
            return
        assert time.monotonic() < end, f"{count} are held"
        time.sleep(0.02)


def _until_all_are_settled(connection: object) -> None:
    query = "SELECT count(*) FROM orders WHERE status IN ('created', 'payment_pending', 'cancelling')"
    end = time.monotonic() + 90
    while connection.execute(query).fetchone() != (0,):  # type: ignore[attr-defined]
        assert time.monotonic() < end, "left behind"
        time.sleep(0.1)
