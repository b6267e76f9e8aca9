"""The node's own branch of the machine's cgroups, version 1 (one tree per controller) or 2 (one tree)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_embedded.node.layout import CGROUP

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_MOUNTS = Path("/proc/self/mounts")
_ACCOUNTED = ("memory", "pids", "cpuacct")  # hierarchies of version 1 that the node's programs join
_INHERITED = ("cpuset.cpus", "cpuset.mems")  # version 1 leaves them empty in a new cgroup, which then takes no process


@dataclass(frozen=True)
class Hierarchy:
    """A mounted cgroup tree."""

    path: Path
    version: int
    controllers: frozenset[str]


def hierarchies(mounts: str | None = None) -> tuple[Hierarchy, ...]:
    """Mounted cgroup trees; tests give the text of ``/proc/self/mounts``."""
    found: dict[Path, Hierarchy] = {}
    for line in (mounts if mounts is not None else _MOUNTS.read_text()).splitlines():
        _, where, kind, options, *_ = line.split()
        if kind not in ("cgroup", "cgroup2"):
            continue
        path = Path(where)
        found[path] = Hierarchy(path, 2 if kind == "cgroup2" else 1, frozenset(options.split(",")))
    return tuple(found.values())


def is_unified(trees: Iterable[Hierarchy]) -> bool:
    """True if version 2 has the controllers: no tree of version 1 has one."""
    return not any(tree.version == 1 and "memory" in tree.controllers for tree in trees)


def prepare() -> None:
    """Create the branch in every tree, with the controllers that pods need.

    Raises:
        CommandError: root may not create cgroups here.
    """
    trees = hierarchies()
    if not trees:
        raise CommandError("cgroups: none is mounted", remedy="mount a cgroup2 file system at /sys/fs/cgroup")
    for tree in trees:
        try:
            _make(tree, unified=is_unified(trees))
        except OSError as error:
            raise CommandError(
                f"cgroup {tree.path / CGROUP}: cannot be made: {error.strerror}",
                remedy="run on the machine itself, or in a container that may write to its cgroups",
            ) from error


def join(pid: int) -> None:
    """Move a program into the branch, so that its memory is counted with the node's.

    A process that has just ended is not an error: whoever started it finds out.
    """
    trees = hierarchies()
    for tree in trees:
        if tree.version == 1 and not tree.controllers.intersection(_ACCOUNTED):
            continue
        if tree.version == 2 and not is_unified(trees):  # noqa: PLR2004 -- the version's number
            continue
        folder = tree.path / CGROUP / "node"
        folder.mkdir(parents=True, exist_ok=True)
        try:
            (folder / "cgroup.procs").write_text(str(pid))
        except ProcessLookupError:
            return


def branches() -> list[Path]:
    """Existing folders of the branch, deepest first."""
    found: list[Path] = []
    for tree in hierarchies():
        top = tree.path / CGROUP
        if top.is_dir():
            found += [Path(folder) for folder, _, _ in os.walk(top, topdown=False)]
    return found


def pods() -> frozenset[int]:
    """Processes inside pods' containers."""
    return frozenset(_processes(folder for folder in branches() if "kubepods" in folder.parts))


def remove() -> None:
    """Remove the branch's folders; one that still holds a process stays."""
    for folder in branches():
        try:
            folder.rmdir()
        except OSError:  # in use, or gone meanwhile: `branches` tells afterwards
            continue


def memory() -> int:
    """Memory of pods and programs in bytes, file cache included."""
    for tree in hierarchies():
        for name in ("memory.current", "memory.usage_in_bytes"):
            usage = tree.path / CGROUP / name
            if usage.is_file():
                return int(usage.read_text())
    return 0


def _make(tree: Hierarchy, *, unified: bool) -> None:
    branch = tree.path / CGROUP
    if tree.version == 1:
        branch.mkdir(exist_ok=True)
        _inherit(tree.path, branch)
    elif unified:
        _delegate(tree.path)
        branch.mkdir(exist_ok=True)
        _delegate(branch)


def _processes(folders: Iterable[Path]) -> Iterator[int]:
    for folder in folders:
        try:
            yield from map(int, (folder / "cgroup.procs").read_text().split())
        except OSError:  # removed meanwhile
            continue


def _inherit(parent: Path, child: Path) -> None:
    for name in _INHERITED:
        if (child / name).exists() and not (child / name).read_text().strip():
            (child / name).write_text((parent / name).read_text())


def _delegate(folder: Path) -> None:
    offered = (folder / "cgroup.controllers").read_text().split()
    enabled = (folder / "cgroup.subtree_control").read_text().split()
    for controller in offered:
        if controller not in enabled:
            try:
                (folder / "cgroup.subtree_control").write_text(f"+{controller}")
            except OSError:  # some controllers refuse while real-time processes run; kubelet names one it misses
                continue
