"""A service's connections to PostgreSQL: a pool with limits and timeouts.

Requires the extra ``postgres``.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg_pool import AsyncConnectionPool, PoolTimeout, TooManyRequests

from otel_mesh_telemetry.postgres import traced_cursor
from service_kit.migrations import require_applied
from service_kit.settings import content
from service_kit.store_tls import StoreTls

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from importlib.resources.abc import Traversable
    from pathlib import Path

    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

    from service_kit.settings import Environment


class UnavailableError(Exception):
    """The database is unreachable or did not respond in time."""


class StatementError(Exception):
    """The database rejected a statement; the message has the error code and the table, but no values of rows."""


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """Address, credentials, pool size and timeouts of the database.

    Attributes:
        host: Host name of PostgreSQL.
        port: Port of PostgreSQL.
        name: Name of the database.
        user: Role of the service, or the file with its name.
        password_file: File with the role's password.
        pool_size: Maximum number of connections.
        connect_timeout: Timeout of a connection attempt in seconds.
        acquire_timeout: Timeout of waiting for a pooled connection in seconds.
        reconnect_timeout: Seconds after which the pool stops retrying a failed connection attempt. The next request
            begins a new one. The delay between retries grows to minutes during a long outage, hence a low value.
        statement_timeout: Timeout of a statement in seconds.
        tls: TLS of the connections; None if a mesh encrypts them.
    """

    host: str
    port: int
    name: str
    user: str | Path
    password_file: Path
    pool_size: int = 10
    connect_timeout: float = 3.0
    acquire_timeout: float = 2.0
    reconnect_timeout: float = 5.0
    statement_timeout: float = 5.0
    tls: StoreTls | None = None

    @classmethod
    def from_environment(cls, environment: Environment) -> DatabaseSettings:
        """The settings from DATABASE_HOST, _PORT, _NAME, _USER, _PASSWORD_FILE, _POOL_SIZE and those of `StoreTls`.

        DATABASE_USER_FILE in place of DATABASE_USER names a file with the role.

        Raises:
            SettingsError: A variable is missing or invalid.
        """
        return cls(
            host=environment.text("DATABASE_HOST"),
            port=int(environment.number("DATABASE_PORT", 5432, low=1, high=65535)),
            name=environment.text("DATABASE_NAME"),
            user=environment.text_or_file("DATABASE_USER"),
            password_file=environment.secret_file("DATABASE_PASSWORD_FILE"),
            pool_size=int(environment.number("DATABASE_POOL_SIZE", 10, low=1, high=100)),
            tls=StoreTls.from_environment(environment, "DATABASE"),
        )

    def connection(self) -> dict[str, Any]:
        """Connection arguments for psycopg; files are read each time, so that rotation takes effect at once."""
        return {
            "host": self.host,
            "port": self.port,
            "dbname": self.name,
            "user": content(self.user),
            "password": content(self.password_file),
            **(self.tls.postgres() if self.tls is not None else {}),
            "connect_timeout": int(self.connect_timeout),
            # If the server's machine fails, no packet closes the connection; these settings let the kernel detect it.
            "tcp_user_timeout": int(self.statement_timeout * 1000),
            "keepalives_idle": 5,
            "keepalives_interval": 2,
            "keepalives_count": 3,
            "options": f"-c statement_timeout={int(self.statement_timeout * 1000)}"
            " -c idle_in_transaction_session_timeout=10000",
        }


class Database:
    """A connection pool that opens in the background; ready once all migrations of this version are applied.

    Args:
        settings: Address, credentials, pool size and timeouts.
        service: Application name of the connections.
        migrations: Folder with the service's numbered SQL files, which are applied by `service_kit.migrate`.
        tracer_provider: Provider of the tracers; the global one by default.
        meter_provider: Provider of the meters; the global one by default.
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
            reconnect_timeout=settings.reconnect_timeout,
            open=False,
            name=service,
        )
        self._is_migrated = False
        self._renewal: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Start connecting; returns at once, even if the database is unreachable."""
        await self._pool.open(wait=False)

    async def close(self) -> None:
        """Close the connections."""
        await self._pool.close(timeout=2.0)

    def _connection(self) -> dict[str, Any]:
        return {**self._settings.connection(), "application_name": self._service}

    @asynccontextmanager
    async def _pooled(self) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
        """A connection of the pool.

        The pool counts requests that gave up as waiting until it has a connection again. Once ``max_waiting`` requests
        have given up, it refuses all others before it tries to connect, and would never recover from the outage.
        """
        try:
            async with self._pool.connection() as connection:
                yield connection
        except TooManyRequests:
            self._renewing()
            raise

    def _renewing(self) -> asyncio.Task[None]:
        """The replacement of the pool's broken connections; it connects if the pool has none.

        A task of its own: the pool would lose the connections that it was checking if the request were cancelled.
        """
        if self._renewal is None or self._renewal.done():
            self._renewal = asyncio.create_task(self._pool.check())
        return self._renewal

    async def check(self) -> None:
        """Check the connection and the schema, for readiness.

        Raises:
            UnavailableError: The database is unavailable.
            MigrationError: The schema lacks migrations of this version.
        """
        try:
            async with self._pooled() as connection:
                if not self._is_migrated:
                    await require_applied(connection, self._migrations)
                    self._is_migrated = True
                # A plain cursor: probes create no spans.
                await psycopg.AsyncCursor(connection).execute("SELECT 1")
        except (psycopg.Error, PoolTimeout) as error:
            raise UnavailableError(str(error)) from error

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
        """A connection in a transaction, committed at the end of the block and rolled back on an exception.

        Raises:
            UnavailableError: The database is unavailable. If it fails at the end of the block, the transaction may
                still have been committed, because the response to COMMIT can get lost.
            StatementError: The database rejected a statement.
        """
        with _converted_errors():
            async with AsyncExitStack() as stack:
                yield await self._begin(stack)

    async def _begin(self, stack: AsyncExitStack) -> psycopg.AsyncConnection[Any]:
        for last in (False, True):
            async with AsyncExitStack() as attempt:
                connection = await attempt.enter_async_context(self._pooled())
                try:
                    await attempt.enter_async_context(connection.transaction())
                except psycopg.OperationalError:
                    # Only a broken connection is worth another attempt; after a timeout no time is left.
                    if last or not connection.closed:
                        raise
                else:
                    await stack.enter_async_context(attempt.pop_all())
                    return connection
            await asyncio.shield(self._renewing())  # the other pooled connections are probably broken too
        raise AssertionError  # the last iteration returns or raises

    async def fetch_one(self, query: Any, parameters: list[Any]) -> tuple[Any, ...] | None:  # noqa: ANN401 - psycopg's own type of a query
        """The first row of a query; retried once on a new connection if the pooled connection was broken.

        Raises:
            UnavailableError: The database is unavailable.
            StatementError: The database rejected the statement.
        """
        with _converted_errors():
            for last in (False, True):
                broken = False
                try:
                    async with self._pooled() as connection:
                        try:
                            return await (await connection.execute(query, parameters)).fetchone()
                        finally:
                            broken = connection.closed
                except psycopg.OperationalError:
                    if last or not broken:
                        raise
                    await asyncio.shield(self._renewing())
        raise AssertionError  # the last iteration returns or raises


@contextmanager
def _converted_errors() -> Iterator[None]:
    """Convert psycopg's exceptions into `UnavailableError` and `StatementError`.

    psycopg's messages about statements may contain values of rows: neither the message nor the exception itself, which
    a log would print, is passed on.
    """
    try:
        yield
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        raise UnavailableError(str(error)) from error
    except psycopg.Error as error:
        about = ", ".join(filter(None, (error.diag.table_name, error.diag.column_name, error.diag.constraint_name)))
        name = type(error).__name__
        raise StatementError(f"{name} ({error.sqlstate or 'no code'}){': ' if about else ''}{about}") from None
