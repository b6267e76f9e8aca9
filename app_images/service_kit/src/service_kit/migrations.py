"""Schema migrations: numbered SQL files, each applied once, in order, all or nothing.

They are applied by a role that owns the schema (``python -m <service> migrate``); the service itself logs in as one
that reads and writes rows, and looks whether the schema is what it needs.
"""

from __future__ import annotations

import logging
from hashlib import sha256
from typing import TYPE_CHECKING, Any, cast

import psycopg
from psycopg import sql

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

_log = logging.getLogger(__name__)
_LOCK = 0x6D696772  # "migr": any number, the same in every replica; each database has locks of its own

# Those who may write into every table: what was applied is for the owner alone to say.
_WRITERS = (
    "SELECT DISTINCT pg_get_userbyid(grantee) FROM pg_class, aclexplode(relacl)"
    " WHERE pg_class.oid = 'schema_migrations'::regclass AND grantee NOT IN (0, relowner)"
    " AND privilege_type <> 'SELECT'"
)


class MigrationError(Exception):
    """The database's schema does not fit this version of the service; the message says how."""


async def require_applied(connection: psycopg.AsyncConnection[Any], folder: Traversable) -> None:
    """Refuse a database that lacks migrations of this version; one may have more, of a later version.

    Args:
        connection: to the service's own database.
        folder: of the service's migrations.

    Raises:
        MigrationError: the message names them.
        psycopg.Error: the database does not answer.
    """
    # Below a traced cursor: whoever asks is a probe.
    cursor = psycopg.AsyncCursor(connection)
    try:
        await cursor.execute("SELECT name FROM schema_migrations")
        applied = {name for (name,) in await cursor.fetchall()}
    except (psycopg.errors.UndefinedTable, psycopg.errors.InsufficientPrivilege):
        applied = set()
    if missing := [name for name, _ in migrations(folder) if name not in applied]:
        raise MigrationError(f"migrations not applied yet: {', '.join(missing)}")


def migrations(folder: Traversable) -> list[tuple[str, str]]:
    """Name and SQL of every migration of a folder, in order."""
    return sorted((entry.name, entry.read_text()) for entry in folder.iterdir() if entry.name.endswith(".sql"))


async def migrate(connection: psycopg.AsyncConnection[Any], folder: Traversable) -> list[str]:
    """Bring the schema up to date.

    Replicas that start together take turns by an advisory lock; who comes later finds the work done. The lock
    and the work are one transaction, so that a killed replica leaves nothing half done and nothing locked.

    Args:
        connection: to the service's own database, in autocommit mode, of the role that owns it.
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
        for (grantee,) in await (await connection.execute(_WRITERS)).fetchall():
            revoke = sql.SQL("REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON schema_migrations FROM {}")
            await connection.execute(revoke.format(sql.Identifier(grantee)))
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
