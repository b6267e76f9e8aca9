"""Which programs are missing, and the builds that make them: two at a time where the machine has room for two."""

from __future__ import annotations

import os
import shutil
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

import psutil

from local.errors import LocalError
from local.paths import cache_dir
from local.toolchain import artefacts, golang, progress
from local.toolchain.building import InterruptedBuildError, Job
from local.toolchain.programs import BUILDS, expand, owner

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from local.toolchain.golang import Go
    from local.toolchain.programs import Build

_GIB = 1 << 30
# A link of the largest programs takes 2 GiB beside compilers of the next one.
_MEMORY_FOR_TWO = 6 * _GIB
# Measured from empty caches: all programs, then Go's own two caches.
_MINUTES_OF_ALL = sum(build.minutes for build in BUILDS)
_ROOM = {"programs": 2 * _GIB, "GOMODCACHE": 6 * _GIB, "GOCACHE": 5 * _GIB}
_TICK_SECONDS = 1.0


def ensure(names: Iterable[str], *, builds: Sequence[Build] = BUILDS) -> Path:
    """Build what is missing and return a folder that holds all the programs asked for.

    Any number of processes may call this at once: each program is built by one of them.

    Args:
        names: programs, or names of ``GROUPS``.
        builds: where programs come from.

    Returns:
        A ``bin`` folder with a link per program, for PATH; it never changes afterwards.

    Raises:
        LocalError: a name is unknown, a build failed, or the machine lacks room or network.
    """
    programs = expand(names, builds)
    go = golang.find()
    kept = {name: artefacts.path(name, owner(name, builds), go) for name in programs}
    missing = [name for name, file in kept.items() if not file.exists()]
    jobs = [Job(build, go, own) for build in builds if (own := [name for name in build.programs if name in missing])]
    if jobs:
        _check_room(jobs, go)
        _run(jobs)
    return artefacts.link_folder(kept)


def path(name: str) -> Path:
    """The file of one program, built if it is missing; its folder is named after all that it was made from.

    Raises:
        LocalError: as of `ensure`.
    """
    ensure([name])
    return artefacts.path(name, owner(name), golang.find())


def _check_room(jobs: Sequence[Job], go: Go) -> None:
    """Refuse to start what would end with a full disk.

    What is asked for is the share of the whole that the missing builds are.
    """
    share = sum(job.build.minutes for job in jobs) / _MINUTES_OF_ALL
    places = {"programs": cache_dir(), **go.caches()}
    needed: dict[int, tuple[Path, float]] = {}
    for name, folder in places.items():
        existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
        device = existing.stat().st_dev
        needed[device] = (existing, needed.get(device, (existing, 0.0))[1] + _ROOM[name] * share)
    for existing, size in needed.values():
        free = shutil.disk_usage(existing).free
        if free < size:
            raise LocalError(
                f"{existing}: {free / _GIB:.1f} GiB free, building {len(jobs)} programs takes up to {size / _GIB:.1f}",
                remedy="free space, or name other places with OTEL_MESH_CACHE, GOMODCACHE and GOCACHE",
            )


def _workers() -> int:
    return 2 if (os.cpu_count() or 1) > 1 and psutil.virtual_memory().available >= _MEMORY_FOR_TWO else 1


def _run(jobs: Sequence[Job]) -> None:
    """Run the jobs, the earliest first; the first failure, or an interrupt, stops the others."""
    with ThreadPoolExecutor(_workers(), thread_name_prefix="build") as pool, progress.display(jobs) as shown:
        futures: dict[Future[None], Job] = {pool.submit(job.run): job for job in jobs}
        try:
            pending = set(futures)
            while pending:
                done, pending = wait(pending, timeout=_TICK_SECONDS, return_when=FIRST_EXCEPTION)
                failed = [future for future in done if future.exception()]
                if failed:
                    break
                shown.tick()
        finally:
            for future, job in futures.items():
                if not future.done() and not future.cancel():
                    job.stop()
            wait(futures)
            for future, job in futures.items():
                if future.cancelled() or isinstance(future.exception(), InterruptedBuildError):
                    job.state = "stopped"
                elif future.exception():
                    job.state = "failed"
    errors = [error for future in futures if not future.cancelled() and (error := future.exception())]
    for error in errors:
        if not isinstance(error, InterruptedBuildError):
            raise error
