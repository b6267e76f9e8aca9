"""Providing programs; builds from Go modules run two at a time where there is memory for two."""

from __future__ import annotations

import os
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from functools import partial
from typing import TYPE_CHECKING, Final

from otel_mesh_embedded.node.machine import memory
from otel_mesh_embedded.toolchain import artefacts, disk_space, golang, origins, progress
from otel_mesh_embedded.toolchain.building import InterruptedBuildError, Job
from otel_mesh_embedded.toolchain.programs import BUILDS, expand, owner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from otel_mesh_embedded.toolchain.origins import Choice
    from otel_mesh_embedded.toolchain.programs import Build

_MEMORY_FOR_TWO: Final = 6 << 30  # linking the largest program takes 2 GiB beside the compilers of the next one
_TICK_SECONDS: Final = 1.0


def choices(names: Iterable[str], *, builds: Sequence[Build] = BUILDS) -> tuple[Choice, ...]:
    """Get the programs that are missing and return all of them with their origins.

    Any number of processes may call this at once: each program is fetched or built by one of them.

    Args:
        names: programs, or names of ``GROUPS``.
        builds: builds from Go modules.

    Raises:
        CommandError: a name is unknown, a build failed, or the machine lacks disk space or network.
    """
    return origins.choose(expand(names, builds), builds, partial(build, builds=builds))


def present(names: Iterable[str], *, builds: Sequence[Build] = BUILDS) -> tuple[Choice, ...]:
    """The programs that `choices` returns if all are on this machine already; nothing is fetched or built.

    Raises:
        CommandError: a program is missing, or a name is unknown.
    """
    return origins.present(expand(names, builds), builds)


def available(names: Iterable[str], *, builds: Sequence[Build] = BUILDS) -> dict[str, Path]:
    """Those of the programs that are on this machine already, in any version on PATH; nothing is fetched or built.

    Raises:
        CommandError: a name is unknown.
    """
    return origins.available(expand(names, builds), builds)


def link(chosen: Iterable[Choice]) -> Path:
    """A ``bin`` folder with a link per program, for PATH; it never changes afterwards."""
    return artefacts.link_folder({choice.name: choice.file for choice in chosen})


def folder(names: Iterable[str], say: Callable[[str], None] | None = None, *, builds: Sequence[Build] = BUILDS) -> Path:
    """The folder of `link` for the programs of `choices`; ``say`` is called with the lines of `origins.summary`."""
    chosen = choices(names, builds=builds)
    if say is not None:
        for line in origins.summary(chosen):
            say(line)
    return link(chosen)


def path(name: str) -> Path:
    """File of one program, as of `choices`; its folder is named after everything it was made from."""
    (choice,) = choices([name])
    return choice.file


def build(names: Sequence[str], *, builds: Sequence[Build]) -> None:
    """Build the missing programs from Go modules, whatever other origins have; raises as `choices` does."""
    go = golang.find()
    missing = [name for name in names if not artefacts.path(name, owner(name, builds), go).exists()]
    jobs = [Job(one, go, own) for one in builds if (own := [name for name in one.programs if name in missing])]
    if jobs:
        disk_space.require_for([job.build for job in jobs], go)
        _run(jobs)


def _run(jobs: Sequence[Job]) -> None:
    """Run the jobs in order; the first failure, or an interrupt, stops the others."""
    workers = 2 if (os.cpu_count() or 1) > 1 and memory.available() >= _MEMORY_FOR_TWO else 1
    with ThreadPoolExecutor(workers, thread_name_prefix="build") as pool, progress.display(jobs) as display:
        futures: dict[Future[None], Job] = {pool.submit(job.run): job for job in jobs}
        try:
            pending = set(futures)
            while pending:
                done, pending = wait(pending, timeout=_TICK_SECONDS, return_when=FIRST_EXCEPTION)
                if any(future.exception() for future in done):
                    break
                display.tick()
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
