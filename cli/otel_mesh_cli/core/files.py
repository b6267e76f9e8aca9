"""Files and folders that are either whole or not there, whoever else is at work on them."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_KEY_LENGTH = 12


def write(path: Path, content: str | bytes, *, mode: int = 0o600) -> bool:
    """Replace a file's content in one step.

    Args:
        path: the file; its folder must exist.
        content: text is written as UTF-8.
        mode: permissions; they apply before the content is written.

    Returns:
        Whether anything changed: a file that already holds the content is left alone.
    """
    data = content.encode() if isinstance(content, str) else content
    if path.is_file() and path.read_bytes() == data:
        path.chmod(mode)
        return False
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        os.fchmod(handle, mode)
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return True


def link(path: Path, target: Path) -> None:
    """Make ``path`` a symbolic link to ``target``, replacing what was there in one step."""
    if path.is_symlink() and path.readlink() == target:
        return
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(target)
    temporary.replace(path)


def place(fresh: Path, folder: Path) -> None:
    """Move a finished folder to its place, unless another process was first with the same."""
    try:
        fresh.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise


def folder_of_links(
    home: Path, targets: Mapping[str, Path], make: Callable[[Path, Path], None] = Path.symlink_to
) -> Path:
    """A folder with a link per file; the same files give the same folder, which never changes.

    Args:
        home: folder that holds such folders.
        targets: file by the name of its link.
        make: makes a link, given its path and the file.
    """
    listing = json.dumps({name: str(file) for name, file in targets.items()}, sort_keys=True)
    folder = home / hashlib.sha256(listing.encode()).hexdigest()[:_KEY_LENGTH]
    if not folder.is_dir():
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=home, prefix=".new-") as scratch:
            fresh = Path(scratch) / "links"
            fresh.mkdir()
            for name, file in targets.items():
                make(fresh / name, file)
            place(fresh, folder)
    return folder


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Wait for one's turn: among all processes one at a time holds the file, whose folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
