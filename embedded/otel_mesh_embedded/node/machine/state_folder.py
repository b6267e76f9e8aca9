"""The state folder as a whole: whether it may be removed, and whether root may run programs from it.

Only a folder that carries our mark is removed, and only when nothing but the environment's own is in it: one that was
pointed at somebody's home stays as it is.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from otel_mesh_cli.core import files
from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.paths import repo_dir

if TYPE_CHECKING:
    from collections.abc import Collection

    from otel_mesh_embedded.node.layout import Layout

MARK = ".otel-mesh-state"
_MARK_TEXT = "State of an otel-mesh environment: `otel-mesh down --purge` removes this folder.\n"
OWN = frozenset({MARK, "bin", "images.json", "kubeconfig", "logs", "node", "node.json", "pulumi", "secrets", "volumes"})
"""Names that an environment creates in its state folder."""


def mark(folder: Path) -> None:
    """Mark a folder, which need not exist yet, as an environment's state, unless it holds something else."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not _foreign(folder):
        files.write(folder / MARK, _MARK_TEXT)


def check(folder: Path) -> None:
    """Refuse to remove a folder that is not an environment's, or holds something else."""
    place = f"state folder {folder}"
    if folder.is_symlink():
        raise CommandError(f"{place}: a link", remedy=f"set OTEL_MESH_STATE to {folder.resolve()}")
    if folder.is_mount() or folder == Path.home() or repo_dir().is_relative_to(folder):
        raise CommandError(f"{place}: not only this environment's", remedy="remove by hand what is not needed")
    if not (folder / MARK).is_file():
        raise CommandError(
            f"{place}: has no file {MARK}, so it may not be an environment's",
            remedy="run `otel-mesh up` once if it is, or remove it by hand",
        )
    if foreign := _foreign(folder):
        raise CommandError(
            f"{place}: holds {', '.join(foreign[:5])}, which no environment made",
            remedy="move that elsewhere, then run it again",
        )


def untrusted(layout: Layout, owner: int = 0) -> str:
    """Folder that others than root can change, with the reason; empty if there is none.

    Args:
        layout: paths of the environment.
        owner: uid that stands for root, for tests.
    """
    folders = (layout.root, layout.bin, layout.config, layout.processes, layout.pki, layout.cni_bin, layout.cni_config)
    for folder in (layout.state, *folders):
        if folder.exists() and (reason := _writer(folder, {owner}, sticky_protects=False)):
            return f"{folder}: {reason}"
    # Whoever runs sudo owns a home folder, and is root whenever they want to be.
    owners = {0, owner, int(os.environ.get("SUDO_UID", "0"))}
    for parent in layout.state.parents:
        if parent.exists() and (reason := _writer(parent, owners, sticky_protects=True)):
            return f"{parent}: {reason}"
    return ""


def require_trusted(layout: Layout) -> None:
    """Refuse a state folder that somebody else than root can change."""
    if reason := untrusted(layout):
        raise CommandError(f"{reason}, and root runs what is there", remedy=untrusted_remedy(layout.state))


def untrusted_remedy(state: Path) -> str:
    """Remedy for an untrusted state folder."""
    return f"`chown -R root: {state}` and `chmod go-w` that folder, or set OTEL_MESH_STATE to another"


def _writer(folder: Path, owners: Collection[int], *, sticky_protects: bool) -> str:
    status = folder.stat()
    if status.st_uid not in owners:
        return f"owned by uid {status.st_uid}"
    is_protected = sticky_protects and status.st_mode & stat.S_ISVTX
    return "" if is_protected or not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH) else "writable by others than root"


def _foreign(folder: Path) -> list[str]:
    names = (path.name for path in folder.iterdir())
    return sorted(name for name in names if name not in OWN and not _is_scratch(name))


def _is_scratch(name: str) -> bool:
    """True for a temporary file whose writer was killed."""
    return any(name.startswith(f".{own}.") for own in OWN)
