"""Disk space that builds need."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.paths import cache_dir
from otel_mesh_embedded.toolchain.programs import BUILDS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from otel_mesh_embedded.toolchain.golang import Go
    from otel_mesh_embedded.toolchain.programs import Build

_GIB = 1 << 30
# A fifth more than `du` measured in caches in which every program had been built once.
_OF_ALL = {"programs": 2 * _GIB, "GOMODCACHE": 5 * _GIB, "GOCACHE": 9 * _GIB}
_MINUTES_OF_ALL = sum(build.minutes for build in BUILDS)


def check(builds: Sequence[Build], go: Go) -> None:
    """Refuse builds that would fill a disk.

    The space required is the builds' share of all builds, by the minutes that each takes.

    Args:
        builds: builds about to run.
        go: Go command whose caches they fill.

    Raises:
        CommandError: a file system has less space.
    """
    share = sum(build.minutes for build in builds) / _MINUTES_OF_ALL
    places = {"programs": cache_dir(), **go.caches()}
    needed: dict[int, tuple[Path, float]] = {}
    for name, folder in places.items():
        existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
        device = existing.stat().st_dev
        needed[device] = (existing, needed.get(device, (existing, 0.0))[1] + _OF_ALL[name] * share)
    for existing, size in needed.values():
        free = shutil.disk_usage(existing).free
        if free < size:
            needs = f"building {len(builds)} programs takes up to {size / _GIB:.1f}"
            raise CommandError(
                f"{existing}: {free / _GIB:.1f} GiB free, {needs}",
                remedy="free space, or name other places with OTEL_MESH_CACHE, GOMODCACHE and GOCACHE",
            )
