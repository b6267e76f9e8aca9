"""Schema migrations: numbered SQL files, each applied once, in order, all or nothing."""

from __future__ import annotations

import logging
from hashlib import sha256
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from psycopg import AsyncConnection

_log = logging.getLogger(__name__)
_LOCK = 0x6D696772  # "migr": any number, the same in every replica; each database has locks of its own


class MigrationError(Exception):
    """The database's schema does not fit this version of the service; the message says how."""


def migrations(folder: Traversable) -> list[tuple[str, str]]:
    """Name and SQL of every migration of a folder, in order."""
    return sorted((entry.name, entry.read_text()) for entry in folder.iterdir() if entry.name.endswith(".sql"))


async def migrate(connection: AsyncConnection[Any], folder: Traversable) -> list[str]:
    """Bring the schema up to date.

    Replicas that start together take turns by an advisory lock; who comes later finds the work done. The lock
    and the work are one transaction, so that a killed replica leaves nothing half done and nothing locked.

    Args:
        connection: to the service's own database, in autocommit mode.
        folder: of the service's migrations.

    Returns:
        Names of the migrations applied by this call.

    Raises:
        MigrationError: a migration that was applied has another text now.
    """
    applied: list[str] = []
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        await connection.execute(
            "CREATE TABLE IF NOT EXISTS schema_migrations "
            "(name text PRIMARY KEY, checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        rows = await (await connection.execute("SELECT name, checksum FROM schema_migrations")).fetchall()
        known = dict(cast("list[tuple[str, str]]", rows))
        for name, statements in migrations(folder):
            checksum = sha256(statements.encode()).hexdigest()
            if name in known:
                if known[name] != checksum:
                    raise MigrationError(f"{name}: changed after it was applied; add a new migration instead")
                continue
            # The text is a file of this package: nothing of a request is in it.
            await connection.execute(statements)
            await connection.execute("INSERT INTO schema_migrations (name, checksum) VALUES (%s, %s)", [name, checksum])
            applied.append(name)
    if applied:
        _log.info("schema migrated: %s", ", ".join(applied))
    return applied
