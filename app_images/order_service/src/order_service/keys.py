"""Idempotency-Keys of buyers: which order a key means, until it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg

if TYPE_CHECKING:
    from service_kit.database import Database

_AT_ONCE = 1000


async def take(connection: psycopg.AsyncConnection[Any], user_id: int, key: str, lifetime: float) -> int | None:
    """Take a key for a new order, in the transaction that makes it; `bind` is due then.

    Of several that come with one key at the same moment the others wait until the first has ended.

    Args:
        connection: in a transaction.
        user_id: the buyer, whose keys are nobody else's.
        key: of the request.
        lifetime: seconds for which it will mean the new order.

    Returns:
        The order that the key means already; None where it is free.
    """
    # An update in any case: what it finds stays as it is until this transaction ends.
    taken = await connection.execute(
        "INSERT INTO order_keys (user_id, key, expires_at)"
        " VALUES (%(user)s, %(key)s, now() + make_interval(secs => %(lifetime)s))"
        " ON CONFLICT (user_id, key) DO UPDATE SET"
        " order_id = CASE WHEN order_keys.expires_at > now() THEN order_keys.order_id END,"
        " expires_at = CASE WHEN order_keys.expires_at > now() THEN order_keys.expires_at ELSE excluded.expires_at END"
        " RETURNING order_id",
        {"user": user_id, "key": key, "lifetime": lifetime},
    )
    row = await taken.fetchone()
    assert row is not None  # noqa: S101 - inserted or updated
    order_id: int | None = row[0]
    return order_id


async def bind(connection: psycopg.AsyncConnection[Any], user_id: int, key: str, order_id: int) -> None:
    """Let a key that was taken mean an order."""
    await connection.execute(
        "UPDATE order_keys SET order_id = %s WHERE user_id = %s AND key = %s", [order_id, user_id, key]
    )


async def remove_ended(database: Database) -> None:
    """Delete keys that ended, some at a time; whether a key is free does not depend on it.

    Raises:
        UnavailableError: the database does not answer.
    """
    async with database.transaction() as connection:
        # Below the traced cursor: what happens once a second leaves no span.
        await psycopg.AsyncCursor(connection).execute(
            "DELETE FROM order_keys WHERE (user_id, key) IN ("
            "SELECT user_id, key FROM order_keys WHERE expires_at <= now() LIMIT %s FOR UPDATE SKIP LOCKED)",
            [_AT_ONCE],
        )
