"""Copies of dumps in an S3-compatible store, as the containers of a backup make them from a real PostgreSQL."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from otel_mesh import BackupStore
from otel_mesh.k8s.containers import Volume
from tests.app_images.services.s3_server import BUCKET, REGION, S3Server, serving
from tests.app_images.services.test_backup import database, postgres, reported, script  # noqa: F401 - fixtures

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.app_images.services.postgres_server import PostgresServer

    Run = Callable[..., subprocess.CompletedProcess[str]]
    Reported = tuple[int, list[dict[str, Any]]]

PREFIX = "clusters/main"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with serving(tmp_path_factory.mktemp("s3")) as running:
        yield running


@pytest.fixture
def copying(server: S3Server, tmp_path: Path, reported: Reported, request: pytest.FixtureRequest) -> Run:  # noqa: F811
    """Run the program as in its container, with the environment that the component gives it."""
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (tmp_path / "backups").mkdir()
    for name, value in (("access_key_id", server.key), ("secret_access_key", server.secret)):
        (secrets / name).write_text(f"{value}\n")
    (secrets / "ca.crt").write_bytes(server.ca.read_bytes())
    prefix = f"{PREFIX}/{request.node.name}"[:60]

    def run(*words: str, **changes: str) -> subprocess.CompletedProcess[str]:
        settings = BackupStore.model_validate(
            {
                "endpoint": server.at("objects.example.com"),
                "bucket": BUCKET,
                "prefix": prefix,
                "region": REGION,
                "credentials_secret": "backup-store",
                "ca": {"secret": "authorities"},
                "keep": 2,
                "image": "registry.invalid/backup-store:1",
            }
        )
        shared = {
            "BACKUP_DIR": str(tmp_path / "backups"),
            "SERVICE_NAME": "postgres-backup",
            "OTLP_HOST": "127.0.0.1",
            "OTLP_PORT": str(reported[0]),
        }
        container = settings.container(shared, Volume(name="backups", path="/x", source={}))
        environment = {name: str(value) for name, value in container.env.items()}
        placed = {
            name: str(secrets / value.rpartition("/")[2]) for name, value in environment.items() if "_FILE" in name
        }
        given = {**environment, **placed, "POD_NAMESPACE": "shop", "STORE_ENDPOINT": server.at("localhost"), **changes}
        command = [sys.executable, "-m", "backup_store", *words]
        done = subprocess.run(command, env=given, capture_output=True, text=True, timeout=120, check=False)
        assert server.secret not in done.stdout + done.stderr
        return done

    return run


def stored(server: S3Server, database: str) -> list[str]:  # noqa: F811
    return sorted(name.rpartition("/")[2] for name in server.objects() if f"/{database}/" in name)


def test_a_database_is_restored_from_the_store(  # noqa: PLR0913, PLR0917 - fixtures
    postgres: PostgresServer,  # noqa: F811
    script: Run,  # noqa: F811
    copying: Run,
    database: str,  # noqa: F811
    reported: Reported,  # noqa: F811
    tmp_path: Path,
) -> None:
    done = script("backup.sh", DATABASE=database, STORED=BUCKET)
    assert done.returncode == 0, done.stderr
    assert not reported[1], "nothing has succeeded until the store has it"
    done = copying("upload")
    assert done.returncode == 0, done.stderr
    (dump,) = (tmp_path / "backups" / database).iterdir()
    for metric in ("success_time", "size"):
        name = f"postgres.backup.{metric}"
        assert {"path": "/v1/metrics", "name": name, "database": {"stringValue": database}} in reported[1]
    dump.unlink()  # with the pod
    with postgres.connect(database, postgres.roles.migrations) as connection:
        connection.execute("DROP TABLE kept")
    done = copying("fetch", database)
    assert done.returncode == 0, done.stderr
    done = script("restore.sh", database)
    assert done.returncode == 0, done.stderr
    with postgres.connect(database, postgres.roles.services) as connection:
        assert connection.execute("SELECT * FROM kept ORDER BY id").fetchall() == [(1, "one"), (2, "two")]


def test_the_newest_dumps_are_kept_and_missing_ones_are_made_up_for(
    server: S3Server, copying: Run, tmp_path: Path
) -> None:
    folder = tmp_path / "backups" / "orders"
    folder.mkdir()
    for day in (1, 2):
        (folder / f"2026010{day}T000000Z.dump").write_bytes(b"x" * day)
    assert copying("upload").returncode == 0
    assert stored(server, "orders") == ["20260101T000000Z.dump", "20260102T000000Z.dump"]
    other = next(name for name in server.objects() if "/orders/" in name).rpartition("/")[0] + "/notes.txt"
    server.put(other, b"of a person")
    for day in (3, 4):
        (folder / f"2026010{day}T000000Z.dump").write_bytes(b"x" * day)
    done = copying("upload")
    assert "20260101T000000Z.dump removed, as 2 are kept" in done.stdout
    assert stored(server, "orders") == ["20260103T000000Z.dump", "20260104T000000Z.dump", "notes.txt"]
    assert copying("upload").stdout == "", "all of it is there"
    assert copying("fetch", "orders", "20260101T000000Z.dump").returncode == 2


def test_a_dump_of_many_parts_comes_back_whole(copying: Run, tmp_path: Path) -> None:
    folder = tmp_path / "backups" / "large"
    folder.mkdir()
    dump = folder / "20260101T000000Z.dump"
    content = bytes(range(256)) * 4 * 20_000  # 20 MB: three parts
    dump.write_bytes(content)
    assert copying("upload").returncode == 0
    dump.write_bytes(b"")
    assert copying("fetch", "large").returncode == 0
    assert dump.read_bytes() == content


def test_a_database_that_could_not_be_dumped_fails_the_run_after_the_others_are_stored(
    server: S3Server, copying: Run, tmp_path: Path
) -> None:
    (tmp_path / "backups" / ".failed").touch()
    (tmp_path / "backups" / "bad").mkdir()
    (tmp_path / "backups" / "good").mkdir()
    (tmp_path / "backups" / "good" / "20260101T000000Z.dump").write_bytes(b"x")
    assert copying("upload").returncode == 1
    assert stored(server, "good") == ["20260101T000000Z.dump"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"wrong": "secret_access_key"}, "SignatureDoesNotMatch"),
        ({"STORE_BUCKET": "backups-of-others"}, "NoSuchBucket"),
        ({"wrong": "ca.crt"}, "UnknownIssuer"),
        ({"STORE_ENDPOINT": "https://localhost:1"}, "Connection refused"),
    ],
    ids=["key", "bucket", "authority", "address"],
)
def test_a_store_that_refuses_fails_the_run_and_is_reported(
    copying: Run,
    reported: Reported,  # noqa: F811
    tmp_path: Path,
    change: dict[str, str],
    reason: str,
) -> None:
    (tmp_path / "backups" / "orders").mkdir()
    (tmp_path / "backups" / "orders" / "20260101T000000Z.dump").write_bytes(b"x")
    if (file := change.pop("wrong", None)) == "ca.crt":
        change["STORE_CA_FILE"] = ""
    elif file:
        (tmp_path / "secrets" / file).write_text("canary")
    done = copying("upload", **change)
    assert done.returncode == 1
    assert "orders: not stored: " in done.stderr
    assert reason in done.stderr
    assert "canary" not in done.stderr
    assert [one["name"] for one in reported[1]] == ["postgres.backup.failure_time"]


def test_a_dump_that_the_store_lacks_is_refused(copying: Run) -> None:
    done = copying("fetch", "orders")
    assert done.returncode == 2
    assert "orders: no such dump in the store; it has none" in done.stderr
    assert copying("restore").returncode == 2
