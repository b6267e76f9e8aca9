"""Memory available to this process: the machine's, or less if its cgroup has a limit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from otel_mesh_embedded.node.machine.cgroups import hierarchies

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_OWN = Path("/proc/self/cgroup")
_UNLIMITED = 1 << 60
_FILES = {1: ("memory.limit_in_bytes", "memory.usage_in_bytes"), 2: ("memory.max", "memory.current")}


def available() -> int:
    """Bytes that are free or can be freed, within the limits of this process."""
    return min([psutil.virtual_memory().available, *_below_limits()])


def _below_limits() -> Iterator[int]:
    """Bytes left below the limit of each cgroup of this process."""
    places: dict[str, str] = {}
    for line in _OWN.read_text().splitlines():
        _, controllers, own = line.split(":", 2)
        places |= dict.fromkeys(controllers.split(","), own)
    for tree in hierarchies():
        place = places.get("" if tree.version == 2 else "memory")  # noqa: PLR2004 -- version 2 names no controller
        if place is None or (tree.version == 1 and "memory" not in tree.controllers):
            continue
        group = tree.path / place.lstrip("/")
        for folder in (group, *group.parents):
            if not folder.is_relative_to(tree.path):
                break
            yield from _left(folder, *_FILES[tree.version])


def _left(folder: Path, limit: str, usage: str) -> Iterator[int]:
    try:
        most = (folder / limit).read_text().strip()
        used = int((folder / usage).read_text())
        counts = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
    except FileNotFoundError:  # version 2 has no limit at the root; without accounting there are no files at all
        return
    if most != "max" and int(most) < _UNLIMITED:
        yield max(0, int(most) - used + _file_cache(counts))


def _file_cache(counts: Mapping[str, str]) -> int:
    """Bytes of files, which the kernel drops before it refuses memory: after a build most of them count as active."""
    return sum(int(counts.get(f"total_{kind}", counts.get(kind, 0))) for kind in ("active_file", "inactive_file"))
