"""One command at a time changes this machine's environment; the kernel frees the lock of a command that was killed."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from otel_mesh_cli.core.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterator

_FOLDERS = (Path("/run"), Path("/run/lock"), Path("/var/lock"))
_NAME = "otel-mesh.lock"
_POLL_S = 0.05


def path() -> Path:
    """Lock file of the machine: the same for every checkout and every state folder."""
    folder = next((folder for folder in _FOLDERS if folder.is_dir() and os.access(folder, os.W_OK)), _FOLDERS[0])
    return folder / _NAME


@contextmanager
def hold(purpose: str, file: Path | None = None, *, wait: float = 2.0) -> Iterator[None]:
    """Hold the machine's lock; a process that holds it may take it again.

    Args:
        purpose: command of the holder, for the message to others.
        file: another lock file, for tests.
        wait: seconds to wait for another holder; the supervisor holds it for milliseconds now and then.

    Raises:
        CommandError: another process holds it, or its file cannot be made.
    """
    where = file or path()
    lock = FileLock(where, mode=0o600, is_singleton=True, fallback_to_soft=False)
    try:
        lock.acquire(timeout=wait, poll_interval=_POLL_S)
    except Timeout:
        holder = (where.read_text().strip() if where.exists() else "") or "another command"
        raise CommandError(f"{holder} is at work on this machine", remedy="wait until it ends") from None
    except OSError as error:
        raise CommandError(f"{where}: cannot be opened: {error.strerror}", remedy="run as root") from error
    try:
        if lock.lock_counter == 1:
            where.write_text(f"{purpose} (process {os.getpid()})\n")
        yield
    finally:
        lock.release()
