"""The node's programs as processes: found again after any accident, never started twice, never mistaken.

Every process carries in its environment which program of which state folder it is and a digest of all that it was
started with. The process table itself is thus the record: nothing can get out of step with it, whoever was killed
between two steps, and a reused process number carries no mark. Signals go through a pidfd, so that they reach the
process that was looked at or none.
"""

from __future__ import annotations

import hashlib
import json
import os
import select
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from local.errors import LocalError
from local.node import cgroups, files

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_MARK_STATE = "OTEL_MESH_NODE"
_MARK_NAME = "OTEL_MESH_NODE_PROGRAM"
_MARK_STAMP = "OTEL_MESH_NODE_STAMP"

GRACE = 10.0
"""Seconds a program gets between SIGTERM and SIGKILL."""
_LOG_LIMIT = 16 * 1024 * 1024
_PROC = Path("/proc")

_children: list[subprocess.Popen[bytes]] = []  # ours until we end: kept so that the ended ones are reaped


@dataclass(frozen=True)
class Program:
    """A program that is meant to run."""

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    reads: tuple[Path, ...] = ()
    """Files it reads at its start only: another content means another process."""

    def stamp(self) -> str:
        """A digest of everything the process depends on."""
        digest = hashlib.sha256(json.dumps([self.argv, sorted(self.environment.items())]).encode())
        for path in self.reads:
            digest.update(hashlib.sha256(path.read_bytes()).digest())
        return digest.hexdigest()


@dataclass(frozen=True)
class Process:
    """A living process that carries our mark."""

    pid: int
    started: int
    """Clock ticks between the machine's start and the process's: tells it from a later one with the same number."""
    name: str
    stamp: str
    is_main: bool
    """The program itself, not one that it started."""
    state: Path
    """The node's folder it belongs to."""


def _stat(pid: int) -> tuple[str, int, int] | None:
    """A process's state letter, session and start, if it is there."""
    try:
        text = (_PROC / str(pid) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text.rpartition(")")[2].split()  # the name before it may hold anything
    return fields[0], int(fields[3]), int(fields[19])


def _look(pid: int) -> Process | None:
    stat = _stat(pid)
    if stat is None or stat[0] in "ZX":
        return None
    try:
        raw = (_PROC / str(pid) / "environ").read_bytes()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None
    if _MARK_STATE.encode() not in raw:
        return None
    marks = dict(item.split(b"=", 1) for item in raw.split(b"\0") if b"=" in item)
    values = [os.fsdecode(marks.get(name.encode(), b"")) for name in (_MARK_NAME, _MARK_STAMP, _MARK_STATE)]
    if not all(values):
        return None
    return Process(pid, stat[2], values[0], values[1], is_main=stat[1] == pid, state=Path(values[2]))


def scan() -> list[Process]:
    """Every process of any otel-mesh node on this machine."""
    for child in _children[:]:
        if child.poll() is not None:
            _children.remove(child)
    pids = (int(entry.name) for entry in _PROC.iterdir() if entry.name.isdecimal())
    return [process for process in map(_look, pids) if process is not None]


def is_alive(process: Process) -> bool:
    """Whether this very process still runs."""
    stat = _stat(process.pid)
    return stat is not None and stat[0] not in "ZX" and stat[2] == process.started


def _open(process: Process) -> int | None:
    """A handle on the process, or None when it is gone."""
    try:
        handle = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return None
    if is_alive(process):
        return handle
    os.close(handle)
    return None


def send(process: Process, number: signal.Signals) -> bool:
    """Signal the process, and only it.

    Returns:
        Whether it was there to be signalled.
    """
    handle = _open(process)
    if handle is None:
        return False
    try:
        signal.pidfd_send_signal(handle, number)
    except ProcessLookupError:
        return False
    finally:
        os.close(handle)
    return True


def handles(processes: Iterable[Process]) -> dict[int, Process]:
    """Handles that become readable when their process ends; those of ended ones are left out. Close them all."""
    return {handle: process for process in processes if (handle := _open(process)) is not None}


def close(opened: Iterable[int]) -> None:
    """Close handles."""
    for handle in opened:
        os.close(handle)


def wait(processes: Iterable[Process], timeout: float) -> list[Process]:
    """Wait until the processes have ended.

    Args:
        processes: what to wait for.
        timeout: seconds, for all together.

    Returns:
        Those that still run.
    """
    left = handles(processes)
    poller = select.poll()
    for handle in left:
        poller.register(handle, select.POLLIN)
    deadline = time.monotonic() + timeout
    try:
        while left and (remaining := deadline - time.monotonic()) > 0:
            for handle, _ in poller.poll(remaining * 1000):
                poller.unregister(handle)
                os.close(handle)
                del left[handle]
        return list(left.values())
    finally:
        close(left)


def end(processes: Sequence[Process], grace: float = GRACE) -> None:
    """End processes: SIGTERM to all at once, SIGKILL to those left after ``grace`` seconds."""
    for process in processes:
        send(process, signal.SIGTERM)
    left = wait(processes, grace)
    for process in left:
        send(process, signal.SIGKILL)
    wait(left, GRACE)


@dataclass(frozen=True)
class Registry:
    """The programs of one node."""

    state: Path
    """The node's folder."""
    specifications: Path
    """One file per program that is meant to run: what the supervisor restores."""
    logs: Path
    started: set[str] = field(default_factory=set)
    """Names of the programs that this registry started itself, as opposed to finding them running."""

    def processes(self, name: str | None = None) -> list[Process]:
        """This node's processes, of one program or all."""
        return [p for p in scan() if p.state == self.state and name in (None, p.name)]

    def main(self, name: str) -> Process | None:
        """The program's process, if it runs."""
        return next((process for process in self.processes(name) if process.is_main), None)

    def log(self, name: str) -> Path:
        """Where a program's output goes."""
        return self.logs / f"{name}.log"

    def ensure(self, program: Program, *, grace: float = GRACE) -> Process:
        """Have the program running exactly once, as described.

        One that runs already is adopted; one that was started with something else is replaced.

        Args:
            program: what is to run.
            grace: seconds the one that is replaced gets to end.

        Returns:
            Its process; whether it stays alive is for the caller to watch.
        """
        stamp = program.stamp()
        self._specify(program, stamp)
        running = [process for process in self.processes(program.name) if process.is_main]
        keep = next((process for process in running if process.stamp == stamp), None)
        if surplus := [process for process in running if process != keep]:
            end(surplus, grace)
        return keep or self._start(program, stamp)

    def restore(self, name: str) -> Process | None:
        """Start a program again as it was specified; None when it is not meant to run."""
        try:
            wanted = json.loads((self.specifications / f"{name}.json").read_text())
        except FileNotFoundError:
            return None
        return self._start(Program(name, tuple(wanted["argv"]), wanted["environment"]), wanted["stamp"])

    def specified(self) -> list[str]:
        """Names of the programs that are meant to run."""
        return sorted(path.stem for path in self.specifications.glob("[!.]*.json"))

    def forget(self, name: str) -> None:
        """Let the supervisor no longer restore the program."""
        (self.specifications / f"{name}.json").unlink(missing_ok=True)

    def stop(self, name: str, *, grace: float = GRACE, with_children: bool = True) -> None:
        """End a program.

        Args:
            name: the program.
            grace: seconds between SIGTERM and SIGKILL.
            with_children: also what it started; containerd's shims are to outlive containerd.
        """
        self.forget(name)
        end([process for process in self.processes(name) if process.is_main], grace)
        if with_children:
            end(self.processes(name), grace)

    def require_alive(self, name: str) -> None:
        """Raise when a program that should run has ended.

        Raises:
            LocalError: it has; the message holds the last line it wrote.
        """
        if self.main(name) is None:
            raise LocalError(
                f"{name}: ended right after its start: {self.last_line(name)}",
                remedy="mend what it complains about and run `make up` again",
                log=self.log(name),
            )

    def last_line(self, name: str) -> str:
        """The last thing a program wrote, for messages."""
        try:
            lines = self.log(name).read_text(errors="replace").splitlines()
        except FileNotFoundError:
            return "it wrote nothing"
        return next((line.strip() for line in reversed(lines) if line.strip()), "it wrote nothing")

    def _specify(self, program: Program, stamp: str) -> None:
        wanted = {"argv": program.argv, "environment": dict(program.environment), "stamp": stamp}
        files.write(self.specifications / f"{program.name}.json", json.dumps(wanted, indent=1))

    def _start(self, program: Program, stamp: str) -> Process:
        log = self.log(program.name)
        rotate(log)
        marks = {_MARK_STATE: str(self.state), _MARK_NAME: program.name, _MARK_STAMP: stamp}
        with log.open("ab") as output:
            try:
                child = subprocess.Popen(
                    program.argv,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    env={**program.environment, **marks},
                    cwd="/",
                    start_new_session=True,
                )
            except OSError as error:
                raise LocalError(
                    f"{program.argv[0]}: cannot be started: {error.strerror}",
                    remedy="delete it, so that the next `make up` makes it again",
                ) from error
        _children.append(child)
        cgroups.join(child.pid)
        self.started.add(program.name)
        stat = _stat(child.pid)
        return Process(child.pid, stat[2] if stat else 0, program.name, stamp, is_main=True, state=self.state)


def rotate(log: Path, limit: int = _LOG_LIMIT) -> None:
    """Move a log that has grown beyond ``limit`` bytes aside, replacing the one moved before."""
    if log.exists() and log.stat().st_size > limit:
        log.replace(log.with_suffix(".1.log"))
