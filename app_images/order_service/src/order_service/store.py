"""Orders in PostgreSQL; every method is one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import psycopg

from order_service import dead_letters, keys
from order_service.order import Line, Order
from order_service.states import OPEN, Status, require
from service_kit.idempotency import reused
from service_kit.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from order_service.dead_letters import DeadLetters
    from service_kit.database import Database
    from service_kit.new_order import NewOrder

# The payment window is measured by the database's clock only.
_COLUMNS = (
    "id, status, total, payment_method, payment_key::text,"
    " created_at + make_interval(secs => %(window)s) < now(), traceparent"
)
_OPEN = [str(status) for status in OPEN]


@dataclass(frozen=True, slots=True)
class Times:
    """Time limits of orders.

    Attributes:
        window: Payment window in seconds after an order's creation; unpaid orders are cancelled afterwards.
        grace: Seconds for which a new order is left to its request before recovery takes it.
        longest_pause: Maximum backoff between two recoveries of an order, in seconds.
        attempts: Recoveries after which an order is set aside; about four hours by default.
        key_lifetime: Lifetime of a buyer's Idempotency-Key in seconds; longer than clients repeat requests.
    """

    window: float = 120.0
    grace: float = 15.0
    longest_pause: float = 60.0
    attempts: int = 240
    key_lifetime: float = 86_400.0


class Store:
    """Store of the orders.

    Args:
        database: Database of this service.
        times: Time limits of orders.
    """

    def __init__(self, database: Database, times: Times) -> None:
        self._database = database
        self._times = times

    async def create(self, wanted: NewOrder, key: str | None, traceparent: str) -> Order:
        """Create an order at the shop's prices, or return the existing one with the buyer's key.

        Raises:
            Problem: 422 for an unknown product, a wrong price, or a key used for another order.
            UnavailableError: The database is unavailable; the order may or may not have been created, so the request
                must be repeated with the same key.
        """
        digest = sha256(wanted.model_dump_json().encode()).digest()
        async with self._database.transaction() as connection:
            # checked first: an existing order is returned even if prices have changed since
            if key is not None:
                known = await keys.take(connection, wanted.user_id, key, self._times.key_lifetime)
                if known is not None:
                    return await self._known(connection, known, digest)
            lines = priced(wanted, await _prices(connection, [item.product_id for item in wanted.items]))
            insert = await connection.execute(
                "INSERT INTO orders"  # noqa: S608 - the columns are constants
                " (user_id, total, payment_method, request_digest, traceparent, due_at) VALUES"
                " (%(user)s, %(total)s, %(method)s, %(digest)s, %(traceparent)s,"
                f" now() + make_interval(secs => %(grace)s)) RETURNING {_COLUMNS}",
                {
                    "user": wanted.user_id,
                    "total": sum(line.quantity * line.price for line in lines),
                    "method": wanted.payment_method,
                    "digest": digest,
                    "traceparent": traceparent,
                    "grace": self._times.grace,
                    "window": self._times.window,
                },
            )
            row = await insert.fetchone()
            assert row is not None  # noqa: S101 - an insert without conflicts returns its row
            order = _order(row)
            await connection.cursor().executemany(
                "INSERT INTO order_items (order_id, product_id, quantity, price) VALUES (%s, %s, %s, %s)",
                [(order.id, line.product_id, line.quantity, line.price) for line in lines],
            )
            if key is not None:
                await keys.bind(connection, wanted.user_id, key, order.id)
            return order

    async def _known(self, connection: psycopg.AsyncConnection[Any], order_id: int, digest: bytes) -> Order:
        found = await connection.execute(
            f"SELECT {_COLUMNS}, request_digest FROM orders WHERE id = %(id)s",  # noqa: S608 - the same
            {"id": order_id, "window": self._times.window},
        )
        row = await found.fetchone()
        assert row is not None  # noqa: S101 - orders are never deleted
        if row[-1] != digest:
            raise reused()
        return _order(row[:-1])

    async def move(self, order: Order, status: Status) -> tuple[Order, bool]:
        """Change an order's status if it has not changed since it was read.

        Requests and recoveries may process an order concurrently; only one of them makes the transition.

        Returns:
            The current order, and True if this call changed its status.

        Raises:
            ValueError: The transition is illegal.
            UnavailableError: The database is unavailable; the status may or may not have changed.
        """
        require(order.status, status)
        values = {"id": order.id, "before": str(order.status), "after": str(status), "window": self._times.window}
        async with self._database.transaction() as connection:
            moved = await connection.execute(
                "UPDATE orders SET status = %(after)s, dead_at = NULL WHERE id = %(id)s AND status = %(before)s"  # noqa: S608 - the same
                f" RETURNING {_COLUMNS}",
                values,
            )
            if (row := await moved.fetchone()) is not None:
                return _order(row), True
            now = await connection.execute(f"SELECT {_COLUMNS} FROM orders WHERE id = %(id)s", values)  # noqa: S608 - the same
            row = await now.fetchone()
            assert row is not None  # noqa: S101 - orders are never deleted
            return _order(row), False

    async def take_up(self, most: int) -> Sequence[Order]:
        """Open orders due for recovery, each assigned to one replica; they are due again after a growing backoff.

        Raises:
            UnavailableError: The database is unavailable.
        """
        async with self._database.transaction() as connection:
            # A plain cursor: this runs once per second and creates no spans.
            taken = await psycopg.AsyncCursor(connection).execute(
                "WITH due (order_id) AS MATERIALIZED ("  # noqa: S608 - the same
                "SELECT id FROM orders WHERE status = ANY(%(open)s) AND due_at <= now() AND dead_at IS NULL"
                " ORDER BY due_at FOR UPDATE SKIP LOCKED LIMIT %(most)s)"
                " UPDATE orders SET recoveries = recoveries + 1,"
                " due_at = now() + make_interval(secs => least(%(longest)s, 2 ^ least(recoveries, 20)))"
                f" FROM due WHERE id = order_id RETURNING {_COLUMNS}",
                {
                    "longest": self._times.longest_pause,
                    "open": _OPEN,
                    "most": most,
                    "window": self._times.window,
                },
            )
            return [_order(row) for row in await taken.fetchall()]

    async def set_aside(self) -> DeadLetters:
        """Set aside the open orders with too many failed recoveries.

        Returns:
            The orders set aside by this call, and the number of all.

        Raises:
            UnavailableError: The database is unavailable.
        """
        return await dead_letters.set_aside(self._database, self._times.attempts)

    async def remove_ended_keys(self) -> None:
        """Delete a batch of expired keys.

        Raises:
            UnavailableError: The database is unavailable.
        """
        await keys.remove_ended(self._database)

    async def get(self, order_id: int) -> tuple[int, Order, Sequence[Line]] | None:
        """The buyer's ID, the order and its lines; None if the order does not exist.

        Raises:
            UnavailableError: The database is unavailable.
        """
        async with self._database.transaction() as connection:
            found = await connection.execute(
                f"SELECT {_COLUMNS}, user_id FROM orders WHERE id = %(id)s",  # noqa: S608 - the same
                {"id": order_id, "window": self._times.window},
            )
            row = await found.fetchone()
            if row is None:
                return None
            lines = await connection.execute(
                "SELECT product_id, quantity, price FROM order_items WHERE order_id = %s ORDER BY product_id",
                [order_id],
            )
            return row[-1], _order(row[:-1]), [Line(*line) for line in await lines.fetchall()]


async def _prices(connection: psycopg.AsyncConnection[Any], products: Sequence[int]) -> Mapping[int, int]:
    found = await connection.execute("SELECT id, price FROM products WHERE id = ANY(%s)", [list(products)])
    return dict(await found.fetchall())


def priced(wanted: NewOrder, prices: Mapping[int, int]) -> Sequence[Line]:
    """The lines of an order at the shop's prices.

    Args:
        wanted: Order to be placed.
        prices: Product ID -> price in cents.

    Raises:
        Problem: 422 for an unknown product, or a price other than the shop's.
    """
    lines = []
    for item in wanted.items:
        price = prices.get(item.product_id)
        if price is None:
            raise Problem(422, f"product {item.product_id} does not exist")
        if item.price not in (None, price):
            raise Problem(422, f"the price of product {item.product_id} has changed; look it up and order again")
        lines.append(Line(item.product_id, item.quantity, price))
    return lines


def _order(row: Sequence[Any]) -> Order:
    return Order(row[0], Status(row[1]), *row[2:])
