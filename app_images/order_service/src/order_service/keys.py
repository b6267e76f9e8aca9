"""Idempotency-Keys of buyers: mapping from a key to its order, until the key expires."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg

if TYPE_CHECKING:
    from service_kit.database import Database

_AT_ONCE = 1000


async def take(connection: psycopg.AsyncConnection[Any], user_id: int, key: str, lifetime: float) -> int | None:
    """Reserve a key for a new order in the transaction that creates it, to be followed by `bind`.

    Concurrent transactions with the same key wait until the first has ended.

    Args:
        connection: Connection in a transaction.
        user_id: ID of the buyer; keys are unique per buyer.
        key: Key of the request.
        lifetime: Seconds until the key expires.

    Returns:
        ID of the order that the key belongs to; None if the key is free.
    """
    # Always an update, so that the row is locked until the transaction ends.
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
    """Assign a reserved key to an order."""
    await connection.execute(
        "UPDATE order_keys SET order_id = %s WHERE user_id = %s AND key = %s", [order_id, user_id, key]
    )


async def remove_ended(database: Database) -> None:
    """Delete a batch of expired keys; an expired key counts as free even before.

    Raises:
        UnavailableError: The database is unavailable.
    """
    async with database.transaction() as connection:
        # A plain cursor: this runs once per second and creates no spans.
        await psycopg.AsyncCursor(connection).execute(
            "DELETE FROM order_keys WHERE (user_id, key) IN ("
            "SELECT user_id, key FROM order_keys WHERE expires_at <= now() LIMIT %s FOR UPDATE SKIP LOCKED)",
            [_AT_ONCE],
        )
