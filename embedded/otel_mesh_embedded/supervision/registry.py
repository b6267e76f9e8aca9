"""Programs of one node: how they are started, found again and stopped."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from otel_mesh_cli.core import files
from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.run import last_line
from otel_mesh_embedded.node.machine import cgroups
from otel_mesh_embedded.supervision import processes
from otel_mesh_embedded.supervision.processes import GRACE, Process

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True)
class Program:
    """Program that should run."""

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    reads: tuple[Path, ...] = ()
    """Files that are read only at the start: a change of their content restarts the program."""

    def stamp(self) -> str:
        """Digest of arguments, environment and content of the files."""
        digest = hashlib.sha256(json.dumps([self.argv, sorted(self.environment.items())]).encode())
        for path in self.reads:
            digest.update(hashlib.sha256(path.read_bytes()).digest())
        return digest.hexdigest()


@dataclass(frozen=True)
class Registry:
    """The programs of one node."""

    state: Path
    """Folder of the node."""
    specifications: Path
    """Folder with one file per program that should run, for the supervisor."""
    logs: Path
    started: set[str] = field(default_factory=set)
    """Names of programs that this object started, in contrast to those it found running."""

    def processes(self, name: str | None = None) -> list[Process]:
        """This node's processes, of one program or all."""
        return [p for p in processes.scan() if p.state == self.state and name in (None, p.name)]

    def main(self, name: str) -> Process | None:
        """The program's process, if it runs."""
        return next((process for process in self.processes(name) if process.is_main), None)

    def log(self, name: str) -> Path:
        """Log file of a program."""
        return self.logs / f"{name}.log"

    def ensure(self, program: Program) -> Process:
        """Make sure that the program runs exactly once, as described, and return its process.

        One that runs already is adopted; one that was started with something else is replaced. Whether the process
        stays alive is for the caller to watch.
        """
        stamp = program.stamp()
        self._specify(program, stamp)
        running = [process for process in self.processes(program.name) if process.is_main]
        keep = next((process for process in running if process.stamp == stamp), None)
        if surplus := [process for process in running if process != keep]:
            processes.end(surplus)
        return keep or self._start(program, stamp)

    def restore(self, name: str) -> Process | None:
        """Start a program again as specified; None if it should not run."""
        try:
            wanted = json.loads((self.specifications / f"{name}.json").read_text())
        except FileNotFoundError:
            return None
        return self._start(Program(name, tuple(wanted["argv"]), wanted["environment"]), wanted["stamp"])

    def specified(self) -> list[str]:
        """Names of programs that should run."""
        return sorted(path.stem for path in self.specifications.glob("[!.]*.json"))

    def forget(self, name: str) -> None:
        """Stop the supervisor from restarting the program."""
        (self.specifications / f"{name}.json").unlink(missing_ok=True)

    def stop(self, name: str, *, grace: float = GRACE) -> None:
        """End a program, then its children."""
        self.forget(name)
        processes.end([process for process in self.processes(name) if process.is_main], grace)
        processes.end(self.processes(name), grace)

    def require_alive(self, name: str) -> None:
        """Refuse to go on if a program has ended, with the last line of its log."""
        if self.main(name) is None:
            raise CommandError(
                f"{name}: ended right after its start: {self.last_line(name)}",
                remedy="mend what it complains about and run `otel-mesh up` again",
                log=self.log(name),
            )

    def last_line(self, name: str) -> str:
        """Last line of a program's log, for messages."""
        log = self.log(name)
        return (last_line(log.read_text(errors="replace")) if log.exists() else "") or "it wrote nothing"

    def _specify(self, program: Program, stamp: str) -> None:
        wanted = {"argv": program.argv, "environment": dict(program.environment), "stamp": stamp}
        files.write(self.specifications / f"{program.name}.json", json.dumps(wanted, indent=1))

    def _start(self, program: Program, stamp: str) -> Process:
        environment = {**program.environment, **processes.marks(self.state, program.name, stamp)}
        try:
            pid = processes.spawn(program.argv, environment, self.log(program.name))
        except OSError as error:
            raise CommandError(
                f"{program.argv[0]}: cannot be started: {error.strerror}",
                remedy="delete it, so that the next `otel-mesh up` makes it again",
            ) from error
        cgroups.join(pid)
        self.started.add(program.name)
        # One that has ended by now is told by `require_alive`.
        return processes.appeared(pid) or Process(pid, 0, program.name, stamp, is_main=True, state=self.state)
