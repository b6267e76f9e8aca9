"""Disk space that builds and packages need."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Final

from otel_mesh_cli.core import files
from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.paths import cache_dir
from otel_mesh_embedded.toolchain.programs import BUILDS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from otel_mesh_embedded.toolchain.golang import Go
    from otel_mesh_embedded.toolchain.programs import Build

GIB: Final = 1 << 30
# A fifth more than `du` measured in caches in which every program had been built once.
_OF_ALL: Final = {"programs": 2 * GIB, "GOMODCACHE": 5 * GIB, "GOCACHE": 9 * GIB}
_MINUTES_OF_ALL: Final = sum(build.minutes for build in BUILDS)
_REMEDY: Final = "free space, or name another place with OTEL_MESH_CACHE"


def require(folder: Path, size: float, purpose: str, *, remedy: str = _REMEDY) -> None:
    """Refuse what would fill the disk of a folder, which need not exist yet.

    Args:
        folder: folder that will be filled.
        size: bytes that it takes at most.
        purpose: subject of the message.
        remedy: as of `CommandError`.
    """
    existing = files.nearest(folder)
    free = shutil.disk_usage(existing).free
    if free < size:
        reason = f"{free / GIB:.1f} GiB free, {purpose} takes up to {size / GIB:.1f}"
        raise CommandError(f"{existing}: {reason}", remedy=remedy)


def require_for(builds: Sequence[Build], go: Go) -> None:
    """Refuse builds that would fill a disk with Go's caches, by their share of the minutes that all builds take."""
    share = sum(build.minutes for build in builds) / _MINUTES_OF_ALL
    needed: dict[int, tuple[Path, float]] = {}
    for name, folder in {"programs": cache_dir(), **go.caches()}.items():
        existing = files.nearest(folder)
        device = existing.stat().st_dev
        needed[device] = (existing, needed.get(device, (existing, 0.0))[1] + _OF_ALL[name] * share)
    for existing, size in needed.values():
        remedy = "free space, or name other places with OTEL_MESH_CACHE, GOMODCACHE and GOCACHE"
        require(existing, size, f"building {len(builds)} programs", remedy=remedy)
