"""Dead letters: orders that could not be settled, set aside until an operator retries them.

``python -m order_service.dead_letters`` lists them; with ``retry`` and their IDs, recovery tries them again.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg

from order_service.states import OPEN
from service_kit.database import DatabaseSettings
from service_kit.settings import Environment, SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from service_kit.database import Database

_OPEN = [str(status) for status in OPEN]


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """The dead letters found by `set_aside`.

    Attributes:
        new: IDs of the orders set aside by this call.
        count: Number of all orders set aside.
    """

    new: Sequence[int]
    count: int


async def set_aside(database: Database, attempts: int) -> DeadLetters:
    """Set aside the orders that recovery could not settle; each is reported by one replica only.

    Args:
        database: Database of this service.
        attempts: Number of failed recoveries after which an order is set aside.

    Raises:
        UnavailableError: The database is unavailable.
    """
    async with database.transaction() as connection:
        cursor = psycopg.AsyncCursor(connection)  # a plain cursor: this runs once per second and creates no spans
        await cursor.execute(
            "WITH hopeless (order_id) AS MATERIALIZED ("
            "SELECT id FROM orders WHERE status = ANY(%(open)s) AND due_at <= now()"
            " AND dead_at IS NULL AND recoveries >= %(attempts)s FOR UPDATE SKIP LOCKED)"
            " UPDATE orders SET dead_at = now() FROM hopeless WHERE id = order_id RETURNING id",
            {"open": _OPEN, "attempts": attempts},
        )
        new = [row[0] for row in await cursor.fetchall()]
        await cursor.execute(
            "SELECT count(*) FROM orders WHERE dead_at IS NOT NULL AND status = ANY(%s)",
            [_OPEN],
        )
        row = await cursor.fetchone()
        assert row is not None  # noqa: S101 - a count returns one row
        return DeadLetters(new, row[0])


def listed(connection: psycopg.Connection[Any]) -> Sequence[tuple[int, str, datetime, datetime, int, str]]:
    """ID, status, creation time, time of setting aside, attempts and traceparent of the dead letters, by ID."""
    found = connection.execute(
        "SELECT id, status, created_at, dead_at, recoveries, traceparent FROM orders"
        " WHERE dead_at IS NOT NULL AND status = ANY(%s) ORDER BY id",
        [_OPEN],
    )
    return found.fetchall()


def retry(connection: psycopg.Connection[Any], ids: Sequence[int]) -> Sequence[int]:
    """Let recovery try orders again as if they were new; returns the IDs that had been set aside."""
    revived = connection.execute(
        "UPDATE orders SET dead_at = NULL, recoveries = 0, due_at = now()"
        " WHERE dead_at IS NOT NULL AND id = ANY(%s) RETURNING id",
        [list(ids)],
    )
    return [row[0] for row in revived.fetchall()]


def main(arguments: Sequence[str] | None = None) -> int:
    """List the dead letters or retry some; returns the exit status of the process."""
    parser = argparse.ArgumentParser(prog="python -m order_service.dead_letters", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command")
    again = commands.add_parser("retry", help="let recovery try orders again")
    again.add_argument("ids", nargs="+", type=int, metavar="ID")
    options = parser.parse_args(arguments)
    try:
        settings = DatabaseSettings.from_environment(Environment())
        with psycopg.connect(**settings.connection(), autocommit=True) as connection:
            if options.command == "retry":
                revived = retry(connection, options.ids)
                lines = [
                    f"{one}: {'will be tried again' if one in revived else 'not set aside'}" for one in options.ids
                ]
            else:
                lines = [
                    f"{order}  {status}  created {created:%Y-%m-%d %H:%M:%S%z}  set aside {dead:%Y-%m-%d %H:%M:%S%z}"
                    f" after {attempts} attempts  {traceparent}".rstrip()
                    for order, status, created, dead, attempts, traceparent in listed(connection)
                ] or ["no order is set aside"]
    except (SettingsError, psycopg.Error) as error:
        print(f"{error}", file=sys.stderr)  # noqa: T201 - a command
        return 1
    print("\n".join(lines))  # noqa: T201 - the same
    return 0


if __name__ == "__main__":
    sys.exit(main())
