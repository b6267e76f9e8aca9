"""Progress of builds on stderr: a table that stays in place on a terminal, lines elsewhere."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_mesh_embedded.toolchain.building import Job

HEARTBEAT_SECONDS = 30.0


def display(jobs: Sequence[Job]) -> TableDisplay | LineDisplay:
    """The display for a terminal or for a file, whichever stderr is; its ``tick`` brings it up to date."""
    console = Console(stderr=True)
    return TableDisplay(jobs, console) if console.is_terminal else LineDisplay(jobs, console)


def clock(seconds: float) -> str:
    """``75`` as ``1:15``."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def remaining_minutes(jobs: Sequence[Job]) -> int:
    """Minutes left at most, by what each build takes on two cores with empty caches."""
    left = sum(max(job.build.minutes - job.seconds / 60, 0.1 * job.build.minutes) for job in jobs if job.ended is None)
    return max(1, round(left))


def summary(jobs: Sequence[Job]) -> str:
    """``3 of 9 ready, at most about 12 min left``."""
    ready = sum(job.state == "ready" for job in jobs)
    text = f"{ready} of {len(jobs)} ready"
    return text if ready == len(jobs) else f"{text}, at most about {remaining_minutes(jobs)} min left"


def _state(job: Job) -> str:
    if job.state == "compiling" and job.packages:
        return f"compiling ({job.compiled} of at most {job.packages} packages)"
    return job.state


class TableDisplay:
    """A row per build, redrawn in place, and the summary below."""

    def __init__(self, jobs: Sequence[Job], console: Console) -> None:
        self._jobs = jobs
        self._live = Live(console=console)

    def __enter__(self) -> Self:
        self._live.start()
        self.tick()
        return self

    def __exit__(self, *error: object) -> None:
        self.tick()
        self._live.stop()

    def tick(self) -> None:
        """Bring the rows up to date."""
        table = Table.grid(padding=(0, 1))
        for job in self._jobs:
            elapsed = clock(job.seconds) if job.started else ""
            table.add_row(job.name, job.build.version, elapsed, _state(job))
        self._live.update(Group(table, f"toolchain: {summary(self._jobs)}"), refresh=True)


class LineDisplay:
    """A line when a build starts, a line when it ends, and a sign of life in between."""

    def __init__(self, jobs: Sequence[Job], console: Console) -> None:
        self._jobs = jobs
        self._console = console
        self._printed: set[tuple[str, str]] = set()
        self._last = time.monotonic()

    def __enter__(self) -> Self:
        self._print(f"building {', '.join(job.name for job in self._jobs)}; {summary(self._jobs)}")
        return self

    def __exit__(self, *error: object) -> None:
        self.tick()

    def tick(self) -> None:
        """Print what is new."""
        for job in self._jobs:
            if job.started is not None:
                self._once(job, "start", f"{job.name} {job.build.version}: started (log: {job.log})")
            if job.ended is not None:
                self._once(job, "end", f"{job.name}: {job.state} after {clock(job.seconds)}; {summary(self._jobs)}")
        if time.monotonic() - self._last >= HEARTBEAT_SECONDS:
            running = [job for job in self._jobs if job.started is not None and job.ended is None]
            self._print("; ".join(f"{job.name} {clock(job.seconds)} {_state(job)}" for job in running))

    def _once(self, job: Job, event: str, line: str) -> None:
        if (job.name, event) not in self._printed:
            self._printed.add((job.name, event))
            self._print(line)

    def _print(self, line: str) -> None:
        self._last = time.monotonic()
        self._console.print(f"toolchain: {line}", soft_wrap=True, highlight=False, markup=False)
