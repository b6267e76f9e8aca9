"""S2.9: orders in a real PostgreSQL, in process: whose price counts, and who takes up what was left behind."""

from __future__ import annotations

import asyncio
import dataclasses
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from order_service.states import Status
from order_service.store import Store, Times
from service_kit.database import Database, DatabaseSettings, UnavailableError
from service_kit.new_order import NewOrder
from service_kit.problem import Problem

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.services.postgres_server import PostgresServer

WANTED = NewOrder.model_validate_json(
    '{"user_id": 1, "items": [{"product_id": 1, "quantity": 2, "price": 29.99}, {"product_id": 2, "quantity": 1}]}'
)


@asynccontextmanager
async def opened(postgres: PostgresServer, name: str, times: Times | None = None) -> AsyncIterator[Store]:
    where = DatabaseSettings("127.0.0.1", postgres.port, name, postgres.user, Path(postgres.password_file))
    database = Database(where, service="order-service", migrations=files("order_service") / "migrations")
    await database.open()
    try:
        async with asyncio.timeout(30):
            while True:
                try:
                    await database.check()
                except UnavailableError:
                    await asyncio.sleep(0.02)
                else:
                    break
        yield Store(database, times or Times())
    finally:
        await database.close()


async def test_the_shop_s_prices_count_and_those_of_the_first_time_for_a_repetition(postgres: PostgresServer) -> None:
    name = postgres.new_database()
    async with opened(postgres, name) as store:
        order = await store.create(WANTED, "key", "")
        assert (order.total, order.status, order.is_late) == (10997, Status.CREATED, False)
        with postgres.connect(name) as connection:
            connection.execute("UPDATE products SET price = 3000 WHERE id = 1")
        assert await store.create(WANTED, "key", "") == order
        with pytest.raises(Problem, match="the price of product 1 is another one"):
            await store.create(WANTED, "other key", "")
        found = await store.get(order.id)
        assert found is not None
        assert [(line.product_id, line.quantity, line.price) for line in found[2]] == [(1, 2, 2999), (2, 1, 4999)]


async def test_an_order_is_moved_by_one_only_and_no_way_back(postgres: PostgresServer) -> None:
    async with opened(postgres, postgres.new_database()) as store:
        order = await store.create(WANTED, None, "")
        moved = await asyncio.gather(*(store.move(order, Status.PAYMENT_PENDING) for _ in range(5)))
        assert sorted(mine for _, mine in moved) == [False] * 4 + [True]
        assert {now.status for now, _ in moved} == {Status.PAYMENT_PENDING}
        assert (await store.move(order, Status.CANCELLED))[0].status is Status.PAYMENT_PENDING, "seen too early"
        with pytest.raises(ValueError, match="an order that is paid cannot become cancelled"):
            await store.move(dataclasses.replace(order, status=Status.PAID), Status.CANCELLED)


async def test_each_order_left_behind_is_taken_up_by_one_replica_and_again_after_a_pause(
    postgres: PostgresServer,
) -> None:
    name = postgres.new_database()
    times = Times(window=600, grace=600, longest_pause=600)

    def later() -> None:
        """Let all that is ahead pass."""
        with postgres.connect(name) as connection:
            ago = "created_at = created_at - interval '1 hour', due_at = due_at - interval '1 hour'"
            connection.execute(f"UPDATE orders SET {ago}")  # noqa: S608 - ours

    async with opened(postgres, name, times) as one, opened(postgres, name, times) as other:
        orders = {(await one.create(WANTED, None, "")).id for _ in range(12)}
        settled = await one.create(WANTED, None, "")
        await one.move(settled, Status.CANCELLED)
        assert await one.take_up(100) == [], "requests are given time to settle their own"
        later()
        taken = await asyncio.gather(one.take_up(5), other.take_up(5), one.take_up(5), other.take_up(5))
        ids = [order.id for some in taken for order in some]
        assert len(ids) == len(set(ids))
        ids += [order.id for order in await one.take_up(100)]
        assert sorted(ids) == sorted(orders)
        assert all(order.is_late for some in taken for order in some)
        assert await other.take_up(100) == []
        later()
        assert {order.id for order in await other.take_up(100)} == orders
