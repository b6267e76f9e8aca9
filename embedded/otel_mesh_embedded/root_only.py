"""Whether only root can change a file: root runs no program that another user could replace."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from typing import TYPE_CHECKING

from otel_mesh_cli.core import files
from otel_mesh_cli.core.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_OTHER_CACHE = "delete it, or name a folder that only root can write with OTEL_MESH_CACHE"


def objection(path: Path) -> str | None:
    """Why root should not run or read an existing file: a user who could change it; None if there is none.

    Every folder and symbolic link on the way to the file counts, as whoever can rename one of them can replace the
    file. The user who called sudo counts as root. Where this process is not root, nothing is objected to: users may run
    what they can change themselves.
    """
    if os.geteuid() != 0:
        return None
    return next((reason for place in _passed(path.absolute()) if (reason := _objection(place))), None)


def require(path: Path, *, remedy: str = _OTHER_CACHE) -> None:
    """Refuse a file that a user other than root could change.

    Args:
        path: file or folder; if it does not exist yet, its nearest existing parent is looked at.
        remedy: as of `CommandError`; by default that of a file in the cache.

    Raises:
        CommandError: this process is root and another user could change the file.
    """
    if reason := objection(files.nearest(path)):
        raise CommandError(f"{path}: root does not use it: {reason}", remedy=remedy)


def _passed(path: Path) -> Iterator[Path]:
    """Everything that the kernel passes on the way to a file: folders, symbolic links and where they lead."""
    for place in (path, *path.parents):
        yield place
        if place.is_symlink():
            yield from _passed(place.parent / place.readlink())


def _objection(place: Path) -> str | None:
    status = place.lstat()
    if status.st_uid not in (0, _caller()):
        return f"{place} belongs to {_user(status.st_uid)}"
    # The mode of a link means nothing. In a sticky folder such as /tmp only owners rename their files.
    if stat.S_ISLNK(status.st_mode) or (stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX):
        return None
    if status.st_mode & stat.S_IWOTH:
        return f"{place} is writable by everyone"
    if status.st_mode & stat.S_IWGRP and (members := _members(status.st_gid)):
        return f"{place} is writable by {', '.join(members)}"
    return None


def _caller() -> int:
    """User who called sudo, else root."""
    return int(os.environ.get("SUDO_UID", "0"))


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def _members(gid: int) -> list[str]:
    """Users of a group other than root: /usr/local of Debian is writable by a group that has none."""
    try:
        named = grp.getgrgid(gid).gr_mem
    except KeyError:
        named = []
    primary = [user.pw_name for user in pwd.getpwall() if user.pw_gid == gid]
    return sorted({*named, *primary} - {"root", _user(_caller())})
