"""The supervisor: restarts programs of the node that have ended, and keeps logs from filling the disk.

One process, started with the node. It does nothing while a command is at work on the machine, and whatever happens to
it, the next `otel-mesh up` heals the node and starts it again.
"""

from __future__ import annotations

import contextlib
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_embedded.node.layout import Layout, layout
from otel_mesh_embedded.node.node import registry
from otel_mesh_embedded.supervision import machine_lock, processes
from otel_mesh_embedded.supervision.registry import Program

if TYPE_CHECKING:
    from otel_mesh_embedded.supervision.processes import Process
    from otel_mesh_embedded.supervision.registry import Registry

NAME = "supervisor"
_ROUND = 5.0  # seconds between two looks when nothing ends
_SHORT_ROUND = 0.5  # while something waits to be started
_BACK_OFF = (0.2, 1.0, 5.0, 15.0, 60.0)
_STABLE = 120.0
_LOG_LIMIT = 32 * 1024 * 1024
_LOG_KEPT = 4 * 1024 * 1024


def program(where: Layout) -> Program:
    """The supervisor as a program of the node."""
    environment = {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "OTEL_MESH_STATE": str(where.state),
        "LANG": "C.UTF-8",
    }
    argv = (sys.executable, "-m", "otel_mesh_embedded.supervision.supervisor")
    return Program(NAME, argv, environment, (Path(__file__), Path(processes.__file__)))


class Supervisor:
    """Watches the programs that should run."""

    def __init__(self, programs: Registry, lock: Path | None = None) -> None:
        self._registry = programs
        self._lock = lock
        self._attempts: dict[str, int] = {}
        self._not_before: dict[str, float] = {}
        self._started: dict[str, float] = {}

    def wanted(self) -> list[str]:
        """Names of programs that should run, without the supervisor."""
        return [name for name in self._registry.specified() if name != NAME]

    def look(self, now: float) -> list[Process]:
        """Start again what has ended.

        Args:
            now: Monotonic clock, in seconds.

        Returns:
            The programs that run.
        """
        running = {process.name: process for process in self._registry.processes() if process.is_main}
        for name in self.wanted():
            if name in running or now < self._not_before.get(name, 0.0):
                continue
            try:
                with machine_lock.hold("the supervisor", self._lock, wait=0):
                    restored = self._restore(name, now)
            except (CommandError, OSError) as error:  # a command is at work, or the program cannot be started
                _say(f"{name}: {error}")
                continue
            if restored is not None:
                running[name] = restored
        return [process for name, process in running.items() if name != NAME]

    def _restore(self, name: str, now: float) -> Process | None:
        """Start one program again, unless a command has just done so."""
        if self._registry.main(name) is not None:
            return None
        attempt = self._attempt(name, now)
        self._not_before[name] = now + _BACK_OFF[min(attempt, len(_BACK_OFF) - 1)]
        restored = self._registry.restore(name)
        if restored is not None:
            _say(f"{name}: had ended, started again as process {restored.pid}")
        return restored

    def _attempt(self, name: str, now: float) -> int:
        """Number of times in a row that the program ended soon after its start."""
        lived = now - self._started.get(name, -_STABLE)
        self._attempts[name] = 0 if lived >= _STABLE else self._attempts.get(name, 0) + 1
        self._started[name] = now
        return self._attempts[name]


def trim(log: Path, limit: int = _LOG_LIMIT, kept: int = _LOG_KEPT) -> None:
    """Truncate a log that its writer holds open for appending, and keep its last bytes in another file."""
    if log.stat().st_size <= limit:
        return
    with log.open("r+b") as stream:
        stream.seek(-kept, 2)
        end = stream.read()
        stream.truncate(0)  # first: on a full disk this is what makes room
    log.with_suffix(".1.log").write_bytes(end)


def _say(text: str) -> None:
    """Log a line, unless the disk is full: the supervisor must outlive that."""
    with contextlib.suppress(OSError):
        print(text, flush=True)


def main() -> None:
    """Watch until the node is stopped."""
    where = layout()
    supervisor = Supervisor(registry(where))
    while where.processes.is_dir():
        running = supervisor.look(time.monotonic())
        for log in where.logs.glob("*.log"):
            if not log.name.endswith(".1.log"):
                with contextlib.suppress(OSError):  # a full disk: the next round tries again
                    trim(log)
        pause = _ROUND if len(running) == len(supervisor.wanted()) else _SHORT_ROUND
        processes.wait(running, pause, for_all=False)


if __name__ == "__main__":
    main()
