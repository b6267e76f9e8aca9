"""A real Redis for tests: Debian's, unpacked into the cache, started as the component's container starts it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from otel_mesh import RedisArgs, RedisSettings
from otel_mesh.services.redis import redis_manifests
from otel_mesh_cli.core import child_processes
from otel_mesh_embedded import packages
from tests.programs.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class RedisServer:
    """One server; stopped and started again it keeps its port, and nothing else: it is a cache."""

    user = "shop"
    password = "canary-pa55word for-tests"  # noqa: S105 - of a server that lives as long as the tests

    def __init__(
        self, prefix: Path, settings: RedisSettings | None = None, certificate: tuple[Path, Path] | None = None
    ) -> None:
        self.port = free_port()
        self._certificate = certificate
        self.folder = Path(tempfile.mkdtemp(prefix="otel-mesh-redis-"))
        self.run_dir = self.folder / "run"
        self.run_dir.mkdir()
        self.password_file = self.folder / "password"
        self.password_file.write_text(self.password)
        self._environment = {
            **packages.environment(prefix),
            "REDIS_USER": self.user,
            "REDIS_PASSWORD_FILE": str(self.password_file),
        }
        args = RedisArgs(namespace="shop", password="unused")  # noqa: S106 - never used
        (config,) = (
            manifest
            for manifest in redis_manifests(args, settings or RedisSettings())
            if manifest["kind"] == "ConfigMap"
        )
        for name, text in self._placed(config["data"]).items():
            (self.folder / name).write_text(text)
        self.process: subprocess.Popen[bytes] | None = None

    def _placed(self, files: Mapping[str, str]) -> dict[str, str]:
        """The component's files with this server's folders and port for the container's."""
        changed = {"/etc/otel-mesh/redis": str(self.folder), "/run/redis": str(self.run_dir)}
        placed = {}
        for name, text in files.items():
            for there, here in changed.items():
                text = text.replace(there, here)  # noqa: PLW2901 - one after the other
            placed[name] = text
        placed["redis.conf"] = placed["redis.conf"].replace("bind * -::*", "bind 127.0.0.1")
        placed["ping.sh"] = placed["ping.sh"].replace("redis-cli", f"redis-cli -p {self.port}{self._encrypted}")
        if self._certificate is None:
            placed["redis.conf"] = placed["redis.conf"].replace("port 6379", f"port {self.port}")
        else:
            certificate, key = self._certificate
            tls = f"port 0\ntls-port {self.port}\ntls-cert-file {certificate}\ntls-key-file {key}\ntls-auth-clients no"
            placed["redis.conf"] = placed["redis.conf"].replace("port 6379", tls)
        return placed

    @property
    def _encrypted(self) -> str:
        return "" if self._certificate is None else " --tls --insecure"

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self.process = child_processes.start(
                ["sh", str(self.folder / "start.sh")], env=self._environment, stdout=log, stderr=log, cwd="/"
            )
        end = time.monotonic() + 90
        while not self.answers():
            assert self.process.poll() is None, self.log()
            assert time.monotonic() < end, self.log()
            time.sleep(0.05)

    def answers(self) -> bool:
        """What the container's probes ask."""
        command = ["sh", str(self.folder / "ping.sh")]
        return subprocess.run(command, env=self._environment, capture_output=True, check=False).returncode == 0

    def cli(self, *words: str) -> str:
        """What redis-cli says when the services' user asks; no error, whatever the server answers."""
        command = ["redis-cli", "-p", str(self.port), *self._encrypted.split(), "--user", self.user, *words]
        environment = {**self._environment, "REDISCLI_AUTH": self.password_file.read_text().strip()}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()

    def log(self) -> str:
        return (self.folder / "log").read_text()

    def environment(self) -> dict[str, str]:
        return {
            "REDIS_HOST": "127.0.0.1",
            "REDIS_PORT": str(self.port),
            "REDIS_USER": self.user,
            "REDIS_PASSWORD_FILE": str(self.password_file),
        }

    def stall(self) -> None:
        """Leave it connected and silent."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        assert self.process is not None
        os.kill(self.process.pid, number)

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(20)
            self.process = None

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder)


@contextmanager
def running(
    prefix: Path, settings: RedisSettings | None = None, certificate: tuple[Path, Path] | None = None
) -> Iterator[RedisServer]:
    """A server that is removed afterwards, also if it does not start; arguments as of `RedisServer`."""
    server = RedisServer(prefix, settings, certificate)
    try:
        server.start()
        yield server
    finally:
        server.remove()
