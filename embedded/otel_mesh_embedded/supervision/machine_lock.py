"""One command at a time changes this machine's environment; the kernel frees the lock of a command that was killed."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from otel_mesh_cli.core.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterator

_FOLDERS = (Path("/run"), Path("/run/lock"), Path("/var/lock"))
_NAME = "otel-mesh.lock"
_POLL = 0.05

_held: dict[Path, int] = {}  # how often this process took each lock


def path() -> Path:
    """The lock's file: the same for every checkout and every state folder of the machine."""
    folder = next((folder for folder in _FOLDERS if folder.is_dir() and os.access(folder, os.W_OK)), _FOLDERS[0])
    return folder / _NAME


@contextmanager
def hold(purpose: str, file: Path | None = None, *, wait: float = 2.0) -> Iterator[None]:
    """Hold the machine's lock; a process that holds it may take it again.

    Args:
        purpose: what the holder does, for the message that others get.
        file: another lock file, for tests.
        wait: seconds to wait for another holder; the supervisor holds it for milliseconds now and then.

    Raises:
        CommandError: another process holds it, or its file cannot be made.
    """
    where = file or path()
    if _held.get(where):
        _held[where] += 1
        try:
            yield
        finally:
            _held[where] -= 1
        return
    handle = _open(where)
    try:
        if not _take(handle, wait):
            holder = os.pread(handle, 200, 0).decode(errors="replace").strip() or "another command"
            raise CommandError(f"{holder} is at work on this machine", remedy="wait until it ends")
        if not where.exists() or not os.path.samestat(os.fstat(handle), where.stat()):
            raise CommandError("another command has just removed everything", remedy="run it again")
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{purpose} (process {os.getpid()})\n".encode(), 0)
        _held[where] = 1
        try:
            yield
        finally:
            del _held[where]
    finally:
        os.close(handle)


def _open(where: Path) -> int:
    try:
        return os.open(where, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise CommandError(f"{where}: cannot be opened: {error.strerror}", remedy="run as root") from error


def _take(handle: int, wait: float) -> bool:
    deadline = time.monotonic() + wait
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(_POLL)
        else:
            return True
