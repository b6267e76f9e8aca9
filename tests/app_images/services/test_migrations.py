"""S2.9: one role migrates, another serves and cannot; on first start, on an upgrade, with many at once."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from otel_mesh_cli.stacks import store_passwords as passwords
from service_kit.migrations import migrations
from tests.app_images.services.service_process import ServiceProcess

if TYPE_CHECKING:
    from pathlib import Path

    from tests.app_images.services.postgres_server import PostgresServer

SERVICES = ("user_service", "order_service", "payment_service")
DDL = (
    "CREATE TABLE own (id int)",
    "CREATE TEMPORARY TABLE own (id int)",
    "CREATE SCHEMA own",
    "ALTER TABLE orders ADD COLUMN own int",
    "DROP TABLE order_items",
    "TRUNCATE orders",
    "CREATE INDEX own ON orders (id)",
    "CREATE FUNCTION own() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "ALTER TABLE orders DISABLE TRIGGER ALL",
    "INSERT INTO schema_migrations VALUES ('own', 'own')",
    "DELETE FROM schema_migrations",
    "SET ROLE app_migrations",
    "SET ROLE shop",
    "ALTER ROLE app_services SUPERUSER",
)
OWNERS = (
    "SELECT DISTINCT pg_get_userbyid(relowner) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
    " UNION SELECT pg_get_userbyid(proowner) FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
    " UNION SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()"
)


def names(service: str) -> list[str]:
    return [name for name, _ in migrations(files(service) / "migrations")]


def told(output: str) -> list[str]:
    return [json.loads(line)["message"] for line in output.splitlines()]


def rows(postgres: PostgresServer, database: str, query: str) -> list[tuple[Any, ...]]:
    with postgres.connect(database) as connection:
        return connection.execute(query.encode()).fetchall()


@pytest.mark.parametrize("service", SERVICES)
def test_on_a_first_start_many_at_once_migrate_once(postgres: PostgresServer, service: str) -> None:
    name = postgres.new_database()
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: postgres.migrate(service, name), range(4)))
    assert [one.returncode for one in done] == [0] * 4, [one.stdout for one in done]
    said = sorted(message for one in done for message in told(one.stdout))
    assert said == ["schema is up to date"] * 3 + [f"schema migrated: {', '.join(names(service))}"]
    assert rows(postgres, name, "SELECT name FROM schema_migrations ORDER BY 1") == [(one,) for one in names(service)]
    assert rows(postgres, name, OWNERS) == [(postgres.roles.migrations,)]
    assert all(postgres.password not in one.stdout for one in done)


@pytest.mark.parametrize("statement", DDL)
def test_the_role_that_serves_changes_no_schema(postgres: PostgresServer, migrated: str, statement: str) -> None:
    with postgres.connect(migrated, postgres.roles.services) as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement.encode())
        connection.execute("INSERT INTO products VALUES (77, 'Product', 1)")
        connection.execute("UPDATE products SET price = 2 WHERE id = 77")
        connection.execute("DELETE FROM products WHERE id = 77")


@pytest.fixture(scope="module")
def migrated(postgres: PostgresServer) -> str:
    return postgres.new_database("order_service")


def test_an_existing_database_goes_over_to_the_roles_and_replicas_of_before_go_on(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    """As it was: one role for everything, which made the tables of the version before."""
    name = "of_before"
    with postgres.connect("postgres") as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    former = [(one, text) for one, text in migrations(files("order_service") / "migrations") if one < "0003"]
    with postgres.connect(name) as replica:
        replica.execute("CREATE TABLE schema_migrations (name text PRIMARY KEY, checksum text NOT NULL)")
        replica.execute("ALTER TABLE schema_migrations ADD applied_at timestamptz NOT NULL DEFAULT now()")
        for one, text in former:
            replica.execute(text.encode())
            replica.execute(
                "INSERT INTO schema_migrations SELECT %s, encode(sha256(convert_to(%s, 'UTF8')), 'hex')", [one, text]
            )
        replica.execute("CREATE TYPE mood AS ENUM ('fine')")
        replica.execute("CREATE SEQUENCE numbers")
        order = (
            "INSERT INTO orders (user_id, total, payment_method, idempotency_key, request_digest, due_at)"
            " VALUES (1, 100, 'pm_x', %s, 'x', now())"
        )
        replica.execute(order, ["before"])
        for _ in range(2):  # at every start
            postgres.prepare([name])
        assert rows(postgres, name, OWNERS) == [(postgres.roles.migrations,)]
        assert rows(postgres, name, "SELECT pg_get_userbyid(typowner) FROM pg_type WHERE typname = 'mood'") == [
            (postgres.roles.migrations,)
        ]
        assert postgres.migrate("order_service", name).returncode == 0
        replica.execute(order, ["meanwhile"])
        assert rows(postgres, name, "SELECT key FROM order_keys ORDER BY order_id") == [("before",), ("meanwhile",)]
    settings = {
        **postgres.environment(name),
        "OTEL_SDK_DISABLED": "true",
        "PAYMENT_SERVICE_URL": "http://127.0.0.1:9",
    }
    with ServiceProcess("order_service", settings, tmp_path) as service:
        service.wait_ready()
    with postgres.connect(name, postgres.roles.services) as connection:
        connection.execute(order, ["by the new role"])
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("DROP TABLE orders")


def test_the_schema_is_somebody_else_s_business_and_without_it_nobody_is_ready(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    name = postgres.new_database()
    settings = {**postgres.environment(name), "OTEL_SDK_DISABLED": "true"}
    with ServiceProcess("payment_service", settings, tmp_path) as service:
        while not service.live():
            assert service.process.poll() is None, service.text()
        assert not service.ready()
        assert rows(postgres, name, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [(0,)]
        # the first checks of a busy machine may find that the database does not answer in time
        waiting = "not ready: MigrationError: migrations not applied yet: 0001_payments.sql"
        while waiting not in [line["message"] for line in service.lines()]:
            assert not service.ready()
        assert postgres.migrate("payment_service", name).returncode == 0
        service.wait_ready()


def test_a_migration_that_cannot_be_applied_is_told_without_values_and_ends(postgres: PostgresServer) -> None:
    name = postgres.new_database()
    with postgres.connect(name, postgres.roles.migrations) as connection:
        connection.execute("CREATE TABLE users (id int)")
    done = postgres.migrate("user_service", name)
    assert done.returncode == 1
    assert told(done.stdout) == ['schema not migrated: DuplicateTable: relation "users" already exists']
    assert rows(postgres, name, "SELECT to_regclass('schema_migrations')") == [(None,)], "all or nothing"


def test_it_waits_for_a_database_whose_roles_are_not_there_yet(postgres: PostgresServer) -> None:
    name = "late"
    with postgres.connect("postgres") as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
        connection.execute(f"REVOKE ALL ON DATABASE {name} FROM PUBLIC".encode())
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(postgres.migrate, "user_service", name)
        postgres.prepare([name])
        assert waiting.result(120).returncode == 0
    assert rows(postgres, name, "SELECT count(*) FROM users") == [(4,)]


def test_another_argument_is_refused_before_anything_is_done() -> None:
    command = [sys.executable, "-m", "user_service", "migrat"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "migrat: unknown command; use 'migrate', or no argument to serve\n"


def test_a_role_takes_another_password_and_none_is_in_the_output(postgres: PostgresServer) -> None:
    """What `make rotate WHAT=passwords` runs beside the server; a role that is not there yet is no mistake."""
    new = r"it's \ \"new\" :user $HOME"
    with postgres.connect("postgres") as connection:
        connection.execute("CREATE ROLE rotated LOGIN PASSWORD 'former'")
    statements = [
        passwords.statement("", postgres.password),
        passwords.statement("rotated", new),
        passwords.statement("not there", new),
    ]
    done = subprocess.run(
        ["sh", "-c", passwords.SCRIPT],
        input="\n".join(["of a run that was killed", postgres.password, *statements, ""]),
        env=postgres.client_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert new not in done.stdout + done.stderr
    with psycopg.connect(host="127.0.0.1", port=postgres.port, user="rotated", password=new, dbname="postgres") as one:
        assert one.execute("SELECT current_user").fetchone() == ("rotated",)
