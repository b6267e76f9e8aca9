"""A service's connections to PostgreSQL: bounded in number and in every kind of waiting.

Needs the extra ``postgres``.
"""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from otel_mesh_telemetry.postgres import traced_cursor
from service_kit.migrations import require_applied

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from importlib.resources.abc import Traversable
    from pathlib import Path

    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

    from service_kit.settings import Environment


class UnavailableError(Exception):
    """The database does not answer, or not in time."""


class StatementError(Exception):
    """The database refused a statement; the message has its code and what it concerns, and no value of a row."""


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """Where the database is and how long anything may take, in seconds."""

    host: str
    port: int
    name: str
    user: str
    password_file: Path
    pool_size: int = 10
    connect_timeout: float = 3.0
    acquire_timeout: float = 2.0
    statement_timeout: float = 5.0

    @classmethod
    def from_environment(cls, environment: Environment) -> DatabaseSettings:
        """Read DATABASE_HOST, _PORT, _NAME, _USER, _PASSWORD_FILE and _POOL_SIZE.

        Raises:
            SettingsError: one is missing or wrong.
        """
        return cls(
            host=environment.text("DATABASE_HOST"),
            port=int(environment.number("DATABASE_PORT", 5432, low=1, high=65535)),
            name=environment.text("DATABASE_NAME"),
            user=environment.text("DATABASE_USER"),
            password_file=environment.secret_file("DATABASE_PASSWORD_FILE"),
            pool_size=int(environment.number("DATABASE_POOL_SIZE", 10, low=1, high=100)),
        )

    def connection(self) -> dict[str, Any]:
        """Arguments of psycopg; the password is read each time, so that a rotated one is used at once."""
        return {
            "host": self.host,
            "port": self.port,
            "dbname": self.name,
            "user": self.user,
            "password": self.password_file.read_text().strip(),
            "connect_timeout": int(self.connect_timeout),
            # A server that went with its host sends nothing any more, not even an end: the kernel notices.
            "tcp_user_timeout": int(self.statement_timeout * 1000),
            "keepalives_idle": 5,
            "keepalives_interval": 2,
            "keepalives_count": 3,
            "options": f"-c statement_timeout={int(self.statement_timeout * 1000)}"
            " -c idle_in_transaction_session_timeout=10000",
        }


class Database:
    """A pool that opens in the background; ready once the schema is what this version needs.

    Args:
        settings: where and how long.
        service: the name under which the server lists the connections.
        migrations: folder of the service's numbered SQL files, which somebody else applies (`service_kit.migrate`).
        tracer_provider: where spans go; the global one by default.
        meter_provider: where measurements go; the global one by default.
    """

    def __init__(
        self,
        settings: DatabaseSettings,
        *,
        service: str,
        migrations: Traversable,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
    ) -> None:
        self._service = service
        self._settings = settings
        self._migrations = migrations
        cursor = traced_cursor(tracer_provider=tracer_provider, meter_provider=meter_provider)
        self._pool: AsyncConnectionPool[psycopg.AsyncConnection[Any]] = AsyncConnectionPool(
            kwargs=lambda: {**self._connection(), "autocommit": True, "cursor_factory": cursor},
            min_size=1,
            max_size=settings.pool_size,
            timeout=settings.acquire_timeout,
            max_waiting=settings.pool_size * 10,
            max_idle=300,
            max_lifetime=1800,
            # Attempts pause longer and longer, up to minutes after an outage of minutes: rather begin anew.
            reconnect_timeout=5.0,
            open=False,
            name=service,
        )
        self._is_migrated = False

    async def open(self) -> None:
        """Start connecting; returns at once, whether the database is there or not."""
        await self._pool.open(wait=False)

    async def close(self) -> None:
        """Close the connections."""
        await self._pool.close(timeout=2.0)

    def _connection(self) -> dict[str, Any]:
        return {**self._settings.connection(), "application_name": self._service}

    async def check(self) -> None:
        """For readiness.

        Raises:
            UnavailableError: the database does not answer.
            MigrationError: it does, and the schema is not what this version needs.
        """
        try:
            async with self._pool.connection() as connection:
                if not self._is_migrated:
                    await require_applied(connection, self._migrations)
                    self._is_migrated = True
                # Below the traced cursor: a probe leaves no span.
                await psycopg.AsyncCursor(connection).execute("SELECT 1")
        except (psycopg.Error, PoolTimeout) as error:
            raise UnavailableError(str(error)) from error

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
        """A connection in a transaction, committed at the end of the block and rolled back where that raises.

        Raises:
            UnavailableError: the database does not answer. Where it fails at the end, what the block did may be
                committed all the same: the answer to a COMMIT can get lost.
            StatementError: the database refused a statement.
        """
        with _told_apart():
            async with AsyncExitStack() as stack:
                yield await self._begin(stack)

    async def _begin(self, stack: AsyncExitStack) -> psycopg.AsyncConnection[Any]:
        for last in (False, True):
            async with AsyncExitStack() as attempt:
                connection = await attempt.enter_async_context(self._pool.connection())
                try:
                    await attempt.enter_async_context(connection.transaction())
                except psycopg.OperationalError:
                    # A timeout, of the pool or of the statement, took the time there was: only a dead connection is
                    # worth another try.
                    if last or not connection.closed:
                        raise
                else:
                    await stack.enter_async_context(attempt.pop_all())
                    return connection
            await self._pool.check()  # the others died with it, most likely
        raise AssertionError  # the last turn returns or raises

    async def fetch_one(self, query: Any, parameters: list[Any]) -> tuple[Any, ...] | None:  # noqa: ANN401 - psycopg's own type of a query
        """The first row of a read; once more on a new connection where the pooled one had died meanwhile.

        Raises:
            UnavailableError: the database does not answer.
            StatementError: the database refused the statement.
        """
        with _told_apart():
            for last in (False, True):
                died = False
                try:
                    async with self._pool.connection() as connection:
                        try:
                            return await (await connection.execute(query, parameters)).fetchone()
                        finally:
                            died = connection.closed
                except psycopg.OperationalError:
                    if last or not died:
                        raise
                    await self._pool.check()
        raise AssertionError  # the last turn returns or raises


@contextmanager
def _told_apart() -> Iterator[None]:
    """An answer that does not come, and one that is no.

    psycopg's own message may hold the values of the row that a statement failed at: it is not passed on, nor is its
    exception, which a log would print with it.
    """
    try:
        yield
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        raise UnavailableError(str(error)) from error
    except psycopg.Error as error:
        about = ", ".join(filter(None, (error.diag.table_name, error.diag.column_name, error.diag.constraint_name)))
        name = type(error).__name__
        raise StatementError(f"{name} ({error.sqlstate or 'no code'}){': ' if about else ''}{about}") from None
