"""The entrypoint of the PostgreSQL image, with stand-ins for the server's programs that note what they are given."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from otel_mesh_embedded.images.recipes import RECIPES

if TYPE_CHECKING:
    from pathlib import Path

PROGRAMS = {
    "id": "echo 999",
    "initdb": """
        for word; do case $word in
          --pgdata=*) data=${word#*=} ;;
          --pwfile=*) echo "password $(cat "${word#*=}")" >> "$NOTES" ;;
        esac; done
        echo "initdb $*" | sed 's|/dev/fd/[0-9]*|PIPE|' >> "$NOTES"
        mkdir -p "$data/base"; echo 15 > "$data/PG_VERSION"; touch "$data/pg_hba.conf" "$data/postgresql.conf"
        [ ! -e "$STOP/initdb" ] || kill -9 $PPID
    """,
    "pg_ctl": 'echo "pg_ctl $*" >> "$NOTES"',
    "psql": 'echo "psql $* as $PGUSER at $PGHOST: $(cat)" >> "$NOTES"; [ ! -e "$STOP/psql" ] || kill -9 $PPID',
    "postgres": 'echo "postgres $*" >> "$NOTES"',
    "mv": '[ ! -e "$STOP/mv" ] || { /bin/mv "$@"; kill -9 $PPID; }; exec /bin/mv "$@"',
}


class Container:
    """Runs the entrypoint as a container would."""

    def __init__(self, place: Path) -> None:
        self.data = place / "data"
        self.notes = place / "notes"
        self.stop = place / "stop"
        self._secret = place / "password"
        self._bin = place / "bin"
        for folder in (self.stop, self._bin):
            folder.mkdir()
        self._secret.write_text("canary word\n")
        for name, lines in PROGRAMS.items():
            (self._bin / name).write_text(f"#!/bin/bash\n{lines}\n")
            (self._bin / name).chmod(0o755)

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": f"{self._bin}:{os.environ['PATH']}",
            "PGDATA": str(self.data),
            "NOTES": str(self.notes),
            "STOP": str(self.stop),
            "POSTGRES_USER": "shop",
            "POSTGRES_DB": "users",
            "POSTGRES_PASSWORD_FILE": str(self._secret),
        } | variables
        return subprocess.run(
            ["bash", RECIPES / "postgres" / "entrypoint.sh", *(arguments or ("postgres",))],
            env={key: value for key, value in environment.items() if value},
            capture_output=True,
            text=True,
            check=False,
        )

    def noted(self) -> list[str]:
        return self.notes.read_text().splitlines() if self.notes.exists() else []


@pytest.fixture
def container(tmp_path: Path) -> Container:
    return Container(tmp_path)


def test_the_first_start_makes_a_database_and_the_second_only_starts(container: Container) -> None:
    done = container.run()
    assert done.returncode == 0, done.stderr
    notes = container.noted()
    assert notes[0] == "password canary word"
    assert "--username=shop" in notes[1]
    assert "--auth=scram-sha-256" in notes[1]
    assert [line.split()[0] for line in notes[2:]] == ["pg_ctl", "psql", "pg_ctl", "postgres"]
    assert 'CREATE DATABASE :"database";' in notes[3]
    assert sorted(path.name for path in container.data.iterdir()) == [
        "PG_VERSION",
        "base",
        "pg_hba.conf",
        "postgresql.conf",
    ]
    assert (container.data / "pg_hba.conf").read_text() == "host all all all scram-sha-256\n"
    assert container.data.stat().st_mode & 0o777 == 0o700
    container.notes.unlink()
    assert container.run("-c", "max_connections=10").returncode == 0
    assert container.noted() == ["postgres -c max_connections=10"]


def test_the_password_is_in_no_argument_and_no_output(container: Container) -> None:
    done = container.run()
    arguments = [line for line in container.noted() if not line.startswith("password ")]
    assert not any("canary" in line for line in [*arguments, done.stdout, done.stderr])


@pytest.mark.parametrize("moment", ["initdb", "psql", "mv"])
def test_a_first_start_killed_at_any_moment_is_begun_again(container: Container, moment: str) -> None:
    (container.stop / moment).touch()
    killed = container.run()
    assert killed.returncode in (-9, 128 + 9)
    assert not (container.data / "PG_VERSION").exists(), "nothing half-made looks whole"
    (container.stop / moment).unlink()
    container.notes.unlink()
    done = container.run()
    assert done.returncode == 0, done.stderr
    assert "interrupted: beginning again" in done.stdout
    assert container.noted()[-1] == "postgres "
    assert (container.data / "PG_VERSION").read_text() == "15\n"
    assert not (container.data / ".initialising").exists()


def test_somebody_elses_files_are_left_alone(container: Container) -> None:
    container.data.mkdir()
    (container.data / "letter.txt").write_text("mine")
    done = container.run()
    assert done.returncode == 1
    assert "not empty and no database" in done.stderr
    assert (container.data / "letter.txt").read_text() == "mine"


def test_a_volumes_own_folder_is_no_reason_to_refuse(container: Container) -> None:
    (container.data / "lost+found").mkdir(parents=True)
    assert container.run().returncode == 0


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"POSTGRES_PASSWORD_FILE": ""}, "POSTGRES_PASSWORD or POSTGRES_PASSWORD_FILE: not set"),
        ({"POSTGRES_PASSWORD_FILE": "/nowhere"}, "POSTGRES_PASSWORD_FILE: cannot read /nowhere"),
        ({"POSTGRES_PASSWORD": "x"}, "POSTGRES_PASSWORD and POSTGRES_PASSWORD_FILE are both set"),
    ],
)
def test_a_wrong_setting_is_one_line_and_makes_nothing(
    container: Container, variables: dict[str, str], reason: str
) -> None:
    done = container.run(**variables)
    assert done.returncode == 1
    assert done.stderr.startswith(f"postgres: {reason}")
    assert len(done.stderr.splitlines()) == 1
    assert list(container.data.iterdir()) == []


def test_another_command_is_run_as_it_is(container: Container) -> None:
    assert container.run("echo", "hello").stdout == "hello\n"
    assert not container.data.exists()
