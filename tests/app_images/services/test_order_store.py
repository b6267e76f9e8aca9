"""S2.9: orders in a real PostgreSQL, in process: whose price counts, and who takes up what was left behind."""

from __future__ import annotations

import asyncio
import dataclasses
from contextlib import asynccontextmanager
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from order_service import dead_letters
from order_service.dead_letters import DeadLetters
from order_service.states import Status
from order_service.store import Store, Times
from service_kit.database import Database, DatabaseSettings, UnavailableError
from service_kit.new_order import NewOrder
from service_kit.problem import Problem

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.app_images.services.postgres_server import PostgresServer

WANTED = NewOrder.model_validate_json(
    '{"user_id": 1, "items": [{"product_id": 1, "quantity": 2, "price": "29.99"}, {"product_id": 2, "quantity": 1}]}'
)


@asynccontextmanager
async def opened(postgres: PostgresServer, name: str, times: Times | None = None) -> AsyncIterator[Store]:
    where = DatabaseSettings("127.0.0.1", postgres.port, name, postgres.roles.services, Path(postgres.password_file))
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
    name = postgres.new_database("order_service")
    async with opened(postgres, name) as store:
        order = await store.create(WANTED, "key", "")
        assert (order.total, order.status, order.is_late) == (10997, Status.CREATED, False)
        with postgres.connect(name) as connection:
            connection.execute("UPDATE products SET price = 3000 WHERE id = 1")
        assert await store.create(WANTED, "key", "") == order
        with pytest.raises(Problem, match="the price of product 1 has changed"):
            await store.create(WANTED, "other key", "")
        found = await store.get(order.id)
        assert found is not None
        assert [(line.product_id, line.quantity, line.price) for line in found[2]] == [(1, 2, 2999), (2, 1, 4999)]


async def test_a_key_is_its_buyer_s_and_ends(postgres: PostgresServer) -> None:
    """Two buyers' clients may choose the same key, and no key is kept for ever."""
    name = postgres.new_database("order_service")
    other_buyer = WANTED.model_copy(update={"user_id": 2})
    other_order = WANTED.model_copy(update={"items": WANTED.items[:1]})
    async with opened(postgres, name) as store:
        first = await store.create(WANTED, "key", "")
        assert (await store.create(other_buyer, "key", "")).id != first.id
        assert (await store.create(WANTED, "key", "")).id == first.id
        with pytest.raises(Problem, match="was used for another request"):
            await store.create(other_order, "key", "")
        with pytest.raises(Problem, match="does not exist"):
            await store.create(_without_product(), "free", "")
        await store.create(WANTED, "free", "")  # what was refused has taken nothing
        with postgres.connect(name) as connection:
            ended = "UPDATE order_keys SET expires_at = now() - interval '1 s' WHERE user_id = 1"
            connection.execute(ended)
            again = await asyncio.gather(*(store.create(other_order, "key", "") for _ in range(5)))
            assert len({order.id for order in again}) == 1
            assert again[0].id != first.id
            await store.remove_ended_keys()
            left = connection.execute("SELECT user_id, key FROM order_keys ORDER BY 1").fetchall()
            assert left == [(1, "key"), (2, "key")], "those that have not ended"


def _without_product() -> NewOrder:
    return WANTED.model_copy(update={"items": [WANTED.items[0].model_copy(update={"product_id": 999})]})


async def test_while_replicas_of_the_version_before_run_a_key_is_one_order_to_both(postgres: PostgresServer) -> None:
    name = postgres.new_database("order_service")
    insert = (
        "INSERT INTO orders (user_id, total, payment_method, idempotency_key, request_digest, due_at)"
        " VALUES (1, 10997, 'pm_demo_approved', %s, %s, now()) ON CONFLICT (idempotency_key) DO NOTHING RETURNING id"
    )
    digest = sha256(WANTED.model_dump_json().encode()).digest()
    async with opened(postgres, name) as store:
        with postgres.connect(name) as former:
            [(theirs,)] = former.execute(insert, ["theirs", digest]).fetchall()
            assert (await store.create(WANTED, "theirs", "")).id == theirs
            await store.create(WANTED, "ours", "")
            with pytest.raises(psycopg.errors.UniqueViolation):
                former.execute(insert, ["ours", digest])


async def test_orders_that_cannot_be_settled_are_set_aside_and_tried_again_when_told_to(
    postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    name = postgres.new_database("order_service")
    for variable, value in postgres.environment(name).items():
        monkeypatch.setenv(variable, value)
    times = Times(grace=0.0, longest_pause=0.0, attempts=2)
    async with opened(postgres, name, times) as store:
        orders = [await store.create(WANTED, None, "") for _ in range(3)]
        for _ in range(2):
            assert await store.set_aside() == DeadLetters([], 0)
            assert len(await store.take_up(10)) == 3
        both = await asyncio.gather(store.set_aside(), store.set_aside())
        assert sorted(one for found in both for one in found.new) == [order.id for order in orders], "each told once"
        assert await store.set_aside() == DeadLetters([], 3)
        assert await store.take_up(10) == []
        await store.move(orders[0], Status.CANCELLED)  # by a repetition of its request
        assert (await store.set_aside()).count == 2
        assert dead_letters.main([]) == 0
        assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == [str(one.id) for one in orders[1:]]
        assert dead_letters.main(["retry", str(orders[1].id), "999"]) == 0
        assert capsys.readouterr().out == f"{orders[1].id}: will be tried again\n999: not set aside\n"
        assert [order.id for order in await store.take_up(10)] == [orders[1].id]
        assert await store.set_aside() == DeadLetters([], 1)


async def test_an_order_is_moved_by_one_only_and_no_way_back(postgres: PostgresServer) -> None:
    async with opened(postgres, postgres.new_database("order_service")) as store:
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
    name = postgres.new_database("order_service")
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
