"""The backup's scripts on a real PostgreSQL: dumps, what is kept of them, what is reported, and the way back."""

from __future__ import annotations

import json
import subprocess
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any

import pytest

from otel_mesh.services.postgres_backup_scripts import FILES
from tests.app_images.services.postgres_server import running
from tests.programs.loopback_server import loopback_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.app_images.services.postgres_server import PostgresServer

AWKWARD = r"pa:ss\word"
"""A password with the characters that PGPASSFILE sets apart."""


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    """A server of its own: a backup takes all databases of the role, and other tests' hold tables of other owners."""
    with running() as server:
        yield server


@pytest.fixture
def reported() -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """Port of a receiver of OTLP in JSON, and what it got."""
    got: list[dict[str, Any]] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            (resource,) = json.loads(self.rfile.read(int(self.headers["content-length"])))["resourceMetrics"]
            (metric,) = resource["scopeMetrics"][0]["metrics"]
            (point,) = metric["gauge"]["dataPoints"]
            got.append({"path": self.path, "name": metric["name"], "database": point["attributes"][0]["value"]})
            self.send_response(200)
            self.end_headers()

    with loopback_server(Receiver) as port:
        yield port, got


@pytest.fixture
def script(
    postgres: PostgresServer, tmp_path: Path, reported: tuple[int, list[dict[str, Any]]]
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run one of the scripts as in its container."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text.replace("/run/backup", str(tmp_path)))

    def run(name: str, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        own = {
            **postgres.client_environment(),
            "PGUSER": postgres.roles.migrations,
            "PASSWORD_FILE": str(postgres.password_file),
            "BACKUP_DIR": str(tmp_path / "backups"),
            "KEEP": "2",
            "SERVICE_NAME": "postgres-backup",
            "POD_NAMESPACE": "shop",
            "OTLP_HOST": "127.0.0.1",
            "OTLP_PORT": str(reported[0]),
            **environment,
        }
        command = ["bash", str(tmp_path / name), *words]
        done = subprocess.run(command, env=own, capture_output=True, text=True, timeout=60, check=False)
        assert postgres.password not in done.stdout + done.stderr
        return done

    return run


@pytest.fixture
def database(postgres: PostgresServer) -> str:
    """A database with a table of the role that migrates."""
    name = postgres.new_database()
    with postgres.connect(name, postgres.roles.migrations) as connection:
        connection.execute("CREATE TABLE kept (id int PRIMARY KEY, text text)")
        connection.execute("INSERT INTO kept VALUES (1, 'one'), (2, 'two')")
    return name


def _rows(postgres: PostgresServer, database: str, user: str) -> list[tuple[Any, ...]]:
    with postgres.connect(database, user) as connection:
        return connection.execute("SELECT * FROM kept ORDER BY id").fetchall()


def test_a_dropped_table_comes_back_with_its_rows_and_rights(
    postgres: PostgresServer, script: Callable[..., subprocess.CompletedProcess[str]], database: str
) -> None:
    done = script("backup.sh", DATABASE=database)
    assert done.returncode == 0, done.stderr
    with postgres.connect(database, postgres.roles.migrations) as connection:
        connection.execute("DROP TABLE kept")
    done = script("restore.sh", database)
    assert done.returncode == 0, done.stderr
    # as the role of the services: its rights are part of the dump
    assert _rows(postgres, database, postgres.roles.services) == [(1, "one"), (2, "two")]


def test_the_newest_dumps_are_kept_and_nothing_half_written(
    script: Callable[..., subprocess.CompletedProcess[str]], database: str, tmp_path: Path
) -> None:
    folder = tmp_path / "backups" / database
    folder.mkdir(parents=True)
    for day in ("20200101", "20200102", "20200103"):
        (folder / f"{day}T000000Z.dump").touch()
    (folder / ".partial").write_text("of a run that was killed")
    assert script("backup.sh", DATABASE=database).returncode == 0
    oldest, newest = sorted(path.name for path in folder.iterdir())
    assert oldest == "20200103T000000Z.dump"
    assert (folder / newest).read_bytes().startswith(b"PGDMP")


def test_each_database_of_the_role_is_dumped_and_reported(
    postgres: PostgresServer,
    script: Callable[..., subprocess.CompletedProcess[str]],
    reported: tuple[int, list[dict[str, Any]]],
    database: str,
    tmp_path: Path,
) -> None:
    other = postgres.new_database()
    assert script("backup.sh", DATABASE=database).returncode == 0
    assert {database, other} <= {path.name for path in (tmp_path / "backups").iterdir()}
    assert not (tmp_path / "backups" / "postgres").exists()  # of another role
    for name in (database, other):
        metrics = {one["name"] for one in reported[1] if one["database"] == {"stringValue": name}}
        assert metrics == {"postgres.backup.success_time", "postgres.backup.size"}
    assert {one["path"] for one in reported[1]} == {"/v1/metrics"}


def test_a_database_that_cannot_be_dumped_is_reported_and_does_not_stop_the_others(
    postgres: PostgresServer,
    script: Callable[..., subprocess.CompletedProcess[str]],
    reported: tuple[int, list[dict[str, Any]]],
    database: str,
    tmp_path: Path,
) -> None:
    other = postgres.new_database()
    with postgres.connect(database) as connection:
        connection.execute("CREATE TABLE foreign_to_it (id int)")  # of the superuser: no right to read it
    try:
        done = script("backup.sh", DATABASE=database)
    finally:
        with postgres.connect(database) as connection:
            connection.execute("DROP TABLE foreign_to_it")
    assert done.returncode == 1
    assert f"{database}: not dumped" in done.stderr
    assert not list((tmp_path / "backups" / database).iterdir())
    assert list((tmp_path / "backups" / other).iterdir())
    failed = {"path": "/v1/metrics", "name": "postgres.backup.failure_time", "database": {"stringValue": database}}
    assert failed in reported[1]


def test_a_server_that_refuses_the_login_is_reported(
    script: Callable[..., subprocess.CompletedProcess[str]],
    reported: tuple[int, list[dict[str, Any]]],
    database: str,
    tmp_path: Path,
) -> None:
    (tmp_path / "wrong").write_text(AWKWARD)
    done = script("backup.sh", DATABASE=database, PASSWORD_FILE=str(tmp_path / "wrong"))
    assert done.returncode == 1
    assert [one["name"] for one in reported[1]] == ["postgres.backup.failure_time"]
    assert (tmp_path / "pgpass").read_text() == "*:*:*:*:pa\\:ss\\\\word\n"
    assert (tmp_path / "pgpass").stat().st_mode & 0o777 == 0o600


def test_a_dump_that_there_is_not_is_refused(
    script: Callable[..., subprocess.CompletedProcess[str]], database: str
) -> None:
    done = script("restore.sh", database, "20200101T000000Z.dump")
    assert done.returncode == 2
    assert "20200101T000000Z.dump: no such dump" in done.stderr
