"""Schema migrations: numbered SQL files, each applied once, in order and in one transaction.

They are applied by the role that owns the schema (``python -m <service> migrate``). The service itself uses a role that
can only read and write rows, and checks that its migrations are applied.
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
_LOCK = 0x6D696772  # "migr": an arbitrary number, the same in all replicas; advisory locks are per database

# Roles with write access to the table of applied migrations, which only the owner may change.
_WRITERS = (
    "SELECT DISTINCT pg_get_userbyid(grantee) FROM pg_class, aclexplode(relacl)"
    " WHERE pg_class.oid = 'schema_migrations'::regclass AND grantee NOT IN (0, relowner)"
    " AND privilege_type <> 'SELECT'"
)


class MigrationError(Exception):
    """The database schema does not match this version of the service; the message gives the difference."""


async def require_applied(connection: psycopg.AsyncConnection[Any], folder: Traversable) -> None:
    """Check that all migrations of this version are applied; later migrations are permitted.

    Args:
        connection: Connection to the service's database.
        folder: Folder with the service's migrations.

    Raises:
        MigrationError: Migrations are missing; the message names them.
        psycopg.Error: The database is unavailable.
    """
    # A plain cursor: this runs in probes, which create no spans.
    cursor = psycopg.AsyncCursor(connection)
    try:
        await cursor.execute("SELECT name FROM schema_migrations")
        applied = {name for (name,) in await cursor.fetchall()}
    except (psycopg.errors.UndefinedTable, psycopg.errors.InsufficientPrivilege):
        applied = set()
    if missing := [name for name, _ in migrations(folder) if name not in applied]:
        raise MigrationError(f"migrations not applied yet: {', '.join(missing)}")


def migrations(folder: Traversable) -> list[tuple[str, str]]:
    """Names and SQL texts of the migrations in a folder, in order."""
    return sorted((entry.name, entry.read_text()) for entry in folder.iterdir() if entry.name.endswith(".sql"))


async def migrate(connection: psycopg.AsyncConnection[Any], folder: Traversable) -> list[str]:
    """Apply the missing migrations.

    An advisory lock serializes replicas that start together. Lock and migrations share one transaction, so that a
    killed replica leaves neither partial changes nor a lock.

    Args:
        connection: Autocommit connection to the service's database, as the role that owns it.
        folder: Folder with the service's migrations.

    Returns:
        Names of the migrations applied by this call.

    Raises:
        MigrationError: An applied migration was changed.
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
            # The text comes from a file of this package, not from a request.
            await connection.execute(statements)
            await connection.execute("INSERT INTO schema_migrations (name, checksum) VALUES (%s, %s)", [name, checksum])
            applied.append(name)
    if applied:
        _log.info("schema migrated: %s", ", ".join(applied))
    return applied
