"""What services have of PostgreSQL, in process, on a real one; user-service's schema is the example."""

from __future__ import annotations

import asyncio
import shutil
import traceback
from contextlib import asynccontextmanager
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from opentelemetry.trace import StatusCode

from otel_mesh_telemetry import deadline
from otel_mesh_telemetry.postgres import StatementDeadlineError, traced_cursor
from otel_mesh_telemetry.sql import query_summary
from otel_mesh_telemetry.testing import Capture, capture
from service_kit.database import Database, DatabaseSettings, StatementError, UnavailableError
from service_kit.migrations import MigrationError, migrate
from tests.app_images.services.postgres_server import running
from tests.app_images.telemetry.passing_time import Time

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from typing import Any

    from tests.app_images.services.postgres_server import PostgresServer

MIGRATIONS = files("user_service") / "migrations"


@pytest.fixture
def seen() -> Iterator[Capture]:
    with capture() as running:
        yield running


@asynccontextmanager
async def connected(
    postgres: PostgresServer,
    database: str,
    **options: Any,  # noqa: ANN401
) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    connection = await psycopg.AsyncConnection.connect(
        host="127.0.0.1",
        port=postgres.port,
        user=postgres.user,
        password=postgres.password,
        dbname=database,
        autocommit=True,
        **options,
    )
    async with connection:
        yield connection


async def test_s1_13_database_spans_tell_operation_and_table_and_no_value(
    postgres: PostgresServer, seen: Capture
) -> None:
    name = postgres.new_database()
    async with connected(postgres, name, cursor_factory=traced_cursor(**seen.providers)) as connection:
        await connection.execute("CREATE TABLE things (id int PRIMARY KEY, secret text)")
        await connection.execute("INSERT INTO things VALUES (%s, %s)", [1, "canary"])
        await connection.execute("SELECT * FROM things WHERE secret = 'canary'")
        cursor = connection.cursor()
        await cursor.executemany("INSERT INTO things VALUES (%s, %s)", [(2, "canary"), (3, "canary")])
        with pytest.raises(psycopg.errors.UniqueViolation):
            await connection.execute("INSERT INTO things VALUES (1, 'canary')")
        await connection.execute(psycopg.sql.SQL("SELECT 1 FROM {}").format(psycopg.sql.Identifier("things")))
        literal = psycopg.sql.SQL("SELECT {} FROM things WHERE id = %s").format(psycopg.sql.Literal("canary"))
        await connection.execute(literal, [1])
        await connection.execute("SELECT 'canary', EXTRACT(YEAR FROM now()) FROM things WHERE id = %s", [1])
        with query_summary("find things"):
            await connection.execute("SELECT 1")
    spans = seen.spans()
    names = ["CREATE things", *["INSERT things"], "SELECT things", "INSERT things", "INSERT things", "SELECT things"]
    assert [span.name for span in spans] == [*names, "SELECT things", "SELECT things", "find things"]
    for span in spans:
        assert span.name == (span.attributes or {})["db.query.summary"]
        assert not {"db.operation.name", "db.collection.name"} & (span.attributes or {}).keys(), "parsed, not known"
    assert "canary" not in str([dict(span.attributes or {}) for span in spans])
    violation = spans[4]
    assert violation.status.status_code is StatusCode.ERROR
    attributes = dict(violation.attributes or {})
    assert attributes["error.type"] == attributes["db.response.status_code"] == "23505"
    assert (attributes["db.system.name"], attributes["db.namespace"]) == ("postgresql", name)
    assert attributes["server.port"] == postgres.port
    assert dict(spans[2].attributes or {})["db.query.text"] == "SELECT * FROM things WHERE secret = ?"
    counted = {"CREATE things": 1, "INSERT things": 3, "SELECT things": 4, "find things": 1}
    assert seen.counts("db.client.operation.duration", "db.query.summary") == counted


async def test_s1_12_a_statement_is_held_to_the_deadline_and_cancelled_in_the_server(
    postgres: PostgresServer, seen: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    passing, name = Time(monkeypatch), postgres.new_database()
    async with connected(postgres, name, cursor_factory=traced_cursor(**seen.providers)) as connection:
        with deadline.within(600):
            asking = asyncio.create_task(connection.execute("SELECT pg_sleep(600)"))
            await until_asleep(postgres, name)
            passing.advance(600)
            with pytest.raises(StatementDeadlineError, match="postgresql: no response within the deadline") as raised:
                await asking
        assert isinstance(raised.value, psycopg.OperationalError)
        with deadline.within(0), pytest.raises(StatementDeadlineError, match="deadline exceeded before the call"):
            await connection.execute("SELECT 1")
        running = await connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%%sleep(600)%%'",
            [],
        )
        assert await running.fetchone() == (1,), (
            "that is this statement itself: the connection lives, the other is gone"
        )
    first, second, third = seen.spans()
    for span in (first, second):
        assert span.status.status_code is StatusCode.ERROR
        assert (span.attributes or {})["error.type"] == "DeadlineExceededError"
    assert third.status.status_code is StatusCode.UNSET


async def test_a_statement_that_is_cancelled_has_failed(postgres: PostgresServer, seen: Capture) -> None:
    name = postgres.new_database()
    async with connected(postgres, name, cursor_factory=traced_cursor(**seen.providers)) as connection:
        asking = asyncio.create_task(connection.execute("SELECT pg_sleep(600)"))
        await until_asleep(postgres, name)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
    (span,) = seen.spans()
    assert span.status.status_code is StatusCode.ERROR
    assert (span.attributes or {})["error.type"] == "CancelledError"


async def test_summaries_beyond_the_bound_make_no_new_time_series(postgres: PostgresServer, seen: Capture) -> None:
    async with connected(
        postgres, postgres.new_database(), cursor_factory=traced_cursor(**seen.providers)
    ) as connection:
        await connection.execute("SELECT 1")
        for n in range(300):
            with query_summary(f"SELECT table_{n}"):
                await connection.execute("SELECT 1")
    counted = seen.counts("db.client.operation.duration", "db.query.summary")
    assert len(counted) == 256
    assert counted["SELECT"] == 1 + 45


async def test_s2_9_migrations_apply_once_and_refuse_to_be_rewritten(postgres: PostgresServer, tmp_path: Path) -> None:
    changed = tmp_path / "changed"
    with as_file(MIGRATIONS) as folder:
        shutil.copytree(folder, changed)
    with (changed / "0001_users.sql").open("a") as first:
        first.write(" ")
    name = postgres.new_database()
    async with connected(postgres, name) as connection:
        assert await migrate(connection, MIGRATIONS) == ["0001_users.sql", "0002_demonstration_users.sql"]
        assert await migrate(connection, MIGRATIONS) == []
        with pytest.raises(MigrationError, match="0001_users.sql: changed after it was applied"):
            await migrate(connection, changed)


async def test_s2_9_a_migration_that_fails_leaves_nothing(postgres: PostgresServer, tmp_path: Path) -> None:
    (tmp_path / "1.sql").write_text("CREATE TABLE half (id int)")
    (tmp_path / "2.sql").write_text("CREATE TABLE broken (")
    async with connected(postgres, postgres.new_database()) as connection:
        with pytest.raises(psycopg.errors.SyntaxError):
            await migrate(connection, tmp_path)
        tables = await (
            await connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        ).fetchone()
    assert tables == (0,)


def settings(postgres: PostgresServer, **changes: Any) -> DatabaseSettings:  # noqa: ANN401
    values = {
        "host": "127.0.0.1",
        "port": postgres.port,
        "name": postgres.new_database("user_service"),
        "user": postgres.roles.services,
        "password_file": Path(postgres.password_file),
    }
    return DatabaseSettings(**{**values, **changes})


def users(where: DatabaseSettings) -> Database:
    return Database(where, service="user-service", migrations=MIGRATIONS)


async def until_ready(database: Database) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                await database.check()
            except UnavailableError:
                await asyncio.sleep(0.02)
            else:
                return


async def until_asleep(postgres: PostgresServer, database: str) -> None:
    """Wait until the server runs a statement that sleeps."""
    running = "SELECT 1 FROM pg_stat_activity WHERE datname = %s AND wait_event = 'PgSleep'"
    with postgres.connect("postgres") as other:
        async with asyncio.timeout(60):
            while not other.execute(running, [database]).fetchall():  # noqa: ASYNC110 - nothing tells
                await asyncio.sleep(0.02)


def terminate(postgres: PostgresServer, database: str) -> None:
    """End the server's side of all connections to a database, and wait until it has."""
    with postgres.connect("postgres") as other:
        other.execute("SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE datname = %s", [database])


async def test_s2_9_a_pooled_connection_that_died_is_replaced_unnoticed(postgres: PostgresServer) -> None:
    where = settings(postgres, pool_size=3)
    database = users(where)
    await database.open()
    try:
        await until_ready(database)
        assert await database.fetch_one("SELECT name FROM users WHERE id = %s", [123]) == ("User 123",)
        terminate(postgres, where.name)
        assert await database.fetch_one("SELECT name FROM users WHERE id = %s", [123]) == ("User 123",)
    finally:
        await database.close()


async def test_s2_9_a_transaction_is_whole_or_nothing_and_begins_on_a_connection_that_lives(
    postgres: PostgresServer,
) -> None:
    where = settings(postgres, pool_size=2)
    database = users(where)
    await database.open()
    count = "SELECT count(*) FROM users WHERE id > 1000"

    def kill() -> None:
        terminate(postgres, where.name)

    async def fail(number: int, failure: Callable[[], None]) -> None:
        async with database.transaction() as connection:
            await connection.execute("INSERT INTO users VALUES (%s, 'B', %s || '@example.com')", [number, str(number)])
            failure()

    def of_the_block() -> None:
        raise RuntimeError

    try:
        await until_ready(database)
        kill()
        async with database.transaction() as connection:
            await connection.execute("INSERT INTO users VALUES (1001, 'A', 'a@example.com')")
        with pytest.raises(RuntimeError):
            await fail(1002, of_the_block)
        assert await database.fetch_one(count, []) == (1,)
        with pytest.raises(UnavailableError):
            await fail(1003, kill)
        assert await database.fetch_one(count, []) == (1,)
    finally:
        await database.close()


async def test_s2_10_what_the_database_refuses_is_told_without_the_row(postgres: PostgresServer) -> None:
    database = users(settings(postgres))
    await database.open()
    insert = "INSERT INTO users VALUES (%s, %s, %s)"
    people = {7: ("Canary", "user1@example.com"), 8: ("Canary", "canary")}
    try:
        await until_ready(database)
        with pytest.raises(StatementError, match="users_email_key") as taken:
            await database.fetch_one(insert, [7, *people[7]])
        with pytest.raises(StatementError, match="CheckViolation") as bad:
            await database.fetch_one(insert, [8, *people[8]])
    finally:
        await database.close()
    for raised in (taken, bad):
        told = "".join(traceback.format_exception(raised.value))
        assert not [value for person in people.values() for value in person if value in told]


async def test_s2_9_waiting_for_a_connection_is_bounded(postgres: PostgresServer) -> None:
    where = settings(postgres, pool_size=1, acquire_timeout=0.2, statement_timeout=600.0)
    database = users(where)
    await database.open()
    try:
        await until_ready(database)
        slow = asyncio.create_task(database.fetch_one("SELECT pg_sleep(%s)", [600]))
        await until_asleep(postgres, where.name)
        with pytest.raises(UnavailableError):
            await database.fetch_one("SELECT 1", [])
        slow.cancel()
        await asyncio.wait([slow])
    finally:
        await database.close()


async def test_s2_9_waiting_for_a_statement_is_bounded(postgres: PostgresServer) -> None:
    database = users(settings(postgres, pool_size=1, statement_timeout=1.0))
    await database.open()
    try:
        await until_ready(database)
        with pytest.raises(UnavailableError, match="statement timeout"):
            await database.fetch_one("SELECT pg_sleep(%s)", [600])
    finally:
        await database.close()


async def test_s2_10_the_password_is_in_no_error_message(postgres: PostgresServer, tmp_path: Path) -> None:
    wrong = tmp_path / "password"
    wrong.write_text("another-canary")
    database = users(settings(postgres, password_file=wrong, acquire_timeout=0.2))
    await database.open()
    try:
        with pytest.raises(UnavailableError) as raised:
            await database.check()
        assert "canary" not in str(raised.value)
    finally:
        await database.close()


async def test_s2_9_a_database_that_was_away_for_long_is_found_again() -> None:
    """The pool takes no more requests, as so many have given up, and its own attempts to connect have ended."""
    with running() as server:
        database = users(settings(server, pool_size=1, acquire_timeout=0.01, reconnect_timeout=0.1))
        server.stop()
        await database.open()
        try:
            async with asyncio.timeout(60):
                reason = ""
                while "requests waiting" not in reason:
                    with pytest.raises(UnavailableError) as raised:
                        await database.check()
                    reason = str(raised.value)
                while database._pool.get_stats()["pool_size"]:  # noqa: ASYNC110, SLF001 - nothing tells
                    await asyncio.sleep(0.02)
            server.start()
            await until_ready(database)
            assert await database.fetch_one("SELECT name FROM users WHERE id = %s", [123]) == ("User 123",)
        finally:
            await database.close()
