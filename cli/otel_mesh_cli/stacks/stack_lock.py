"""The lock that the Pulumi CLI leaves in a file backend when it is killed.

A lock is removed only when the process that made it is known to be dead: it was made on this machine, and no process
of that number has run since before the lock was written.
"""

from __future__ import annotations

import json
import socket
import time
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from pathlib import Path

_CLOCK_SLACK_S = 2.0
_WRITING_S = 5.0
"""How old a half-written lock has to be before its writer counts as dead."""


@dataclass(frozen=True)
class Lock:
    """One lock file of a stack."""

    path: Path
    pid: int
    hostname: str
    created: datetime

    @property
    def alive(self) -> bool:
        """Whether its process may still run; a process of another machine always may."""
        if self.hostname != socket.gethostname():
            return True
        try:
            started = psutil.Process(self.pid).create_time()
        except psutil.NoSuchProcess:
            return False
        return started <= self.created.timestamp() + _CLOCK_SLACK_S  # else the number was given to another process

    def __str__(self) -> str:
        return f"process {self.pid} on {self.hostname} since {self.created:%H:%M:%S}"


def locks(backend: Path, project: str, stack: str) -> list[Lock]:
    """The locks of a stack in a file backend; a lock file that was cut short by a kill counts as its dead writer's.

    The CLI writes beside the lock and renames; a kill in between leaves a ``.tmp`` which the CLI takes for a lock too.
    """
    found = []
    folder = backend / ".pulumi" / "locks" / "organization" / project / stack
    for path in sorted((*folder.glob("*.json"), *folder.glob("*.json.*.tmp"))):
        try:
            if path.suffix == ".tmp" and time.time() - path.stat().st_mtime < _WRITING_S:
                continue  # about to be renamed
            content = json.loads(path.read_text())
            lock = Lock(path, int(content["pid"]), content["hostname"], datetime.fromisoformat(content["timestamp"]))
        except FileNotFoundError:
            continue  # released meanwhile
        except (ValueError, KeyError, TypeError):
            made = datetime.fromtimestamp(path.stat().st_mtime).astimezone()
            lock = Lock(path, 0, socket.gethostname(), made)
        found.append(lock)
    return found


def clear_stale(backend: Path, project: str, stack: str) -> list[Lock]:
    """Remove the locks of dead processes and return those that remain."""
    remaining = []
    for lock in locks(backend, project, stack):
        if lock.alive:
            remaining.append(lock)
        else:
            lock.path.unlink(missing_ok=True)
            lock.path.with_name(f"{lock.path.name}.attrs").unlink(missing_ok=True)
    return remaining
