"""Processes of the node's programs: found again after any crash, never started twice, never confused with others.

Every process carries in its environment which program of which state folder it is and a digest of all that it was
started with. The process table itself is thus the record: nothing can get out of step with it, whoever was killed
between two steps, and a reused process number carries no mark. Signals go through a pidfd, so that they reach the
process that was looked at or none.
"""

from __future__ import annotations

import atexit
import os
import select
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_MARK_STATE = "OTEL_MESH_NODE"
_MARK_NAME = "OTEL_MESH_NODE_PROGRAM"
_MARK_STAMP = "OTEL_MESH_NODE_STAMP"

GRACE = 10.0
"""Seconds between SIGTERM and SIGKILL."""
_PROC = Path("/proc")
_MOMENT, _MOMENTS = 0.001, 1000  # seconds, and how many of them

_children: list[subprocess.Popen[bytes]] = []  # ours until we end: kept so that the ended ones are reaped


@dataclass(frozen=True)
class Process:
    """Running process with our variables in its environment."""

    pid: int
    started: int
    """Start time in clock ticks since boot, by which a later process with the same number is told apart."""
    name: str
    stamp: str
    is_main: bool
    """True for the program itself; false for its children."""
    state: Path
    """Folder of the node that the process belongs to."""


def _stat(pid: int) -> tuple[str, int, int] | None:
    """State letter, session and start time of a process; None if it does not exist."""
    try:
        text = (_PROC / str(pid) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text.rpartition(")")[2].split()  # the name before it may hold anything
    return fields[0], int(fields[3]), int(fields[19])


def look(pid: int) -> Process | None:
    """Process of that number, if it runs and has our variables in its environment."""
    stat = _stat(pid)
    if stat is None or stat[0] in "ZX":
        return None
    try:
        raw = (_PROC / str(pid) / "environ").read_bytes()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None
    if _MARK_STATE.encode() not in raw:
        return None
    found = dict(item.split(b"=", 1) for item in raw.split(b"\0") if b"=" in item)
    values = [os.fsdecode(found.get(name.encode(), b"")) for name in (_MARK_NAME, _MARK_STAMP, _MARK_STATE)]
    if not all(values):
        return None
    return Process(pid, stat[2], values[0], values[1], is_main=stat[1] == pid, state=Path(values[2]))


def appeared(pid: int) -> Process | None:
    """A process just spawned, once the kernel shows its environment; None if it has ended."""
    for _ in range(_MOMENTS):
        found = look(pid)
        stat = _stat(pid)
        if found is not None or stat is None or stat[0] in "ZX":
            return found
        time.sleep(_MOMENT)
    return None


def _reap() -> None:
    for child in _children[:]:
        if child.poll() is not None:
            _children.remove(child)


atexit.register(_reap)  # what ended since is no process that this one leaves running


def scan() -> list[Process]:
    """Every process of any otel-mesh node on this machine."""
    _reap()
    pids = (int(entry.name) for entry in _PROC.iterdir() if entry.name.isdecimal())
    return [process for process in map(look, pids) if process is not None]


def _open(process: Process) -> int | None:
    """A pidfd of the process; None if it has ended.

    One whose first thread has ended is not gone: the other threads of a killed program hold its ports for a moment.
    The handle becomes readable when the last one has ended.
    """
    try:
        handle = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return None
    stat = _stat(process.pid)
    if stat is not None and stat[2] == process.started:
        return handle
    os.close(handle)
    return None


def send(process: Process, number: signal.Signals) -> bool:
    """Signal this process, and never another one with its number; false if it has ended."""
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


def wait(processes: Iterable[Process], timeout: float, *, for_all: bool = True) -> list[Process]:
    """Wait until the processes have ended.

    Args:
        processes: Processes to wait for.
        timeout: Seconds for all processes together.
        for_all: Whether to wait for all of them; else for one of them, and without any for the whole time.

    Returns:
        Those that still run.
    """
    left = {handle: process for process in processes if (handle := _open(process)) is not None}
    number = len(left)
    poller = select.poll()
    for handle in left:
        poller.register(handle, select.POLLIN)
    deadline = time.monotonic() + timeout
    try:
        while (left if for_all else len(left) == number) and (remaining := deadline - time.monotonic()) > 0:
            for handle, _ in poller.poll(remaining * 1000):
                poller.unregister(handle)
                os.close(handle)
                del left[handle]
        return list(left.values())
    finally:
        for handle in left:
            os.close(handle)


def end(processes: Sequence[Process], grace: float = GRACE) -> None:
    """End processes: SIGTERM to all at once, SIGKILL to those left after ``grace`` seconds."""
    for process in processes:
        send(process, signal.SIGTERM)
    left = wait(processes, grace)
    for process in left:
        send(process, signal.SIGKILL)
    wait(left, GRACE)


def marks(state: Path, name: str, stamp: str) -> dict[str, str]:
    """Environment variables by which a process is found again."""
    return {_MARK_STATE: str(state), _MARK_NAME: name, _MARK_STAMP: stamp}


def spawn(argv: Sequence[str], environment: Mapping[str, str], log: Path) -> int:
    """Start a process in a session of its own, so that it outlives whoever started it, and return its number.

    Args:
        argv: Program and arguments.
        environment: Whole environment, with `marks`.
        log: File that the output is appended to.

    Raises:
        OSError: the program cannot be started.
    """
    with log.open("ab") as output:
        child = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=dict(environment),
            cwd="/",
            start_new_session=True,
        )
    _children.append(child)
    return child.pid
