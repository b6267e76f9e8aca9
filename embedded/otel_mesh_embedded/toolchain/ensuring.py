"""Having programs, and the builds of those that come from Go modules: two at a time where there is memory for two."""

from __future__ import annotations

import os
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from functools import partial
from typing import TYPE_CHECKING

from otel_mesh_embedded.node.machine import memory
from otel_mesh_embedded.toolchain import artefacts, golang, origins, progress, room
from otel_mesh_embedded.toolchain.building import InterruptedBuildError, Job
from otel_mesh_embedded.toolchain.programs import BUILDS, expand, owner
from otel_mesh_embedded.toolchain.releases import OFFERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from otel_mesh_embedded.toolchain.origins import Choice
    from otel_mesh_embedded.toolchain.programs import Build
    from otel_mesh_embedded.toolchain.releases import Offer

_GIB = 1 << 30
# A link of the largest programs takes 2 GiB beside compilers of the next one.
_MEMORY_FOR_TWO = 6 * _GIB
_TICK_SECONDS = 1.0


def ensure(names: Iterable[str], *, builds: Sequence[Build] = BUILDS) -> Path:
    """Get what is missing and return a folder that holds all the programs asked for.

    Any number of processes may call this at once: each program is got by one of them.

    Args:
        names: programs, or names of ``GROUPS``.
        builds: how programs come out of Go modules.

    Returns:
        A ``bin`` folder with a link per program, for PATH; it never changes afterwards.

    Raises:
        CommandError: a name is unknown, a build failed, or the machine lacks room or network.
    """
    return link(choices(names, builds=builds))


def link(chosen: Iterable[Choice]) -> Path:
    """A ``bin`` folder with a link per program."""
    return artefacts.link_folder({choice.name: choice.file for choice in chosen})


def choices(
    names: Iterable[str], *, builds: Sequence[Build] = BUILDS, offers: Sequence[Offer] = OFFERS
) -> tuple[Choice, ...]:
    """Have programs, as `ensure`, and tell where each comes from."""
    return origins.choose(expand(names, builds), builds, partial(build, builds=builds), offers)


def present(
    names: Iterable[str], *, builds: Sequence[Build] = BUILDS, offers: Sequence[Offer] = OFFERS
) -> tuple[Choice, ...]:
    """The programs that `choices` gives, if all are on this machine already; nothing is fetched or built.

    Raises:
        CommandError: some are not; or a name is unknown.
    """
    return origins.present(expand(names, builds), builds, offers)


def path(name: str) -> Path:
    """The file of one program, got if it is missing; its folder is named after all that it was made from.

    Raises:
        CommandError: as of `ensure`.
    """
    (choice,) = choices([name])
    return choice.file


def build(names: Sequence[str], *, builds: Sequence[Build]) -> None:
    """Build what is missing from Go modules, whatever else the machine could take.

    Raises:
        CommandError: as of `ensure`.
    """
    go = golang.find()
    missing = [name for name in names if not artefacts.path(name, owner(name, builds), go).exists()]
    jobs = [Job(one, go, own) for one in builds if (own := [name for name in one.programs if name in missing])]
    if jobs:
        room.check([job.build for job in jobs], go)
        _run(jobs)


def _workers() -> int:
    return 2 if (os.cpu_count() or 1) > 1 and memory.available() >= _MEMORY_FOR_TWO else 1


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
