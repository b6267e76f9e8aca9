"""Locks that a killed Pulumi CLI leaves in a file backend.

A lock is removed only if its process is known to be dead: the lock was written on this machine, and no process with
that number has been running since before the lock was written. The files and their format are the CLI's own.
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
"""Age in seconds from which a half-written lock counts as abandoned."""


@dataclass(frozen=True)
class Lock:
    """A lock file of a stack."""

    path: Path
    pid: int
    hostname: str
    created: datetime

    @property
    def alive(self) -> bool:
        """Whether the process may still be running; on another machine it always may."""
        if self.hostname != socket.gethostname():
            return True
        try:
            started = psutil.Process(self.pid).create_time()
        except psutil.NoSuchProcess:
            return False
        return started <= self.created.timestamp() + _CLOCK_SLACK_S  # a later process has the same number

    def __str__(self) -> str:
        return f"process {self.pid} on {self.hostname} since {self.created:%H:%M:%S}"


def locks(backend: Path, project: str, stack: str) -> list[Lock]:
    """Locks of a stack in a file backend; an unreadable lock counts as a dead process's.

    The CLI writes a temporary file and renames it. If it is killed in between, it later takes the ``.tmp`` for a lock.
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
    """Remove the locks of dead processes and return the others."""
    remaining = []
    for lock in locks(backend, project, stack):
        if lock.alive:
            remaining.append(lock)
        else:
            lock.path.unlink(missing_ok=True)
            lock.path.with_name(f"{lock.path.name}.attrs").unlink(missing_ok=True)
    return remaining
