"""Files and folders that are replaced atomically, with any number of processes at work."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_KEY_LENGTH = 12


def key_of(content: str) -> str:
    """Name of a file or folder that follows its content: the first twelve digits of the SHA-256 of a text."""
    return hashlib.sha256(content.encode()).hexdigest()[:_KEY_LENGTH]


def write(path: Path, content: str | bytes, *, mode: int = 0o600) -> bool:
    """Replace a file's content atomically.

    Args:
        path: File in an existing folder.
        content: Text, written as UTF-8, or bytes.
        mode: Permissions, set before the content is written.

    Returns:
        Whether the content changed; a file with this content is not written.
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


def nearest(path: Path) -> Path:
    """A path that may not exist yet, or else the nearest of its parents that does."""
    return next(place for place in (path, *path.absolute().parents) if place.exists())


def link(path: Path, target: Path) -> None:
    """Make ``path`` a symbolic link to ``target``, atomically."""
    if path.is_symlink() and path.readlink() == target:
        return
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(target)
    temporary.replace(path)


def place(fresh: Path, folder: Path) -> None:
    """Rename a finished folder to its final name, unless another process was first."""
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
    folder = home / key_of(listing)
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
    """Hold a lock file, whose folder is created: one process at a time; the others wait."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path):
        yield
