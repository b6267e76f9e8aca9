"""What a person sees while programs are built: a live table on a terminal, plain lines elsewhere; all on stderr."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol, Self

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from otel_mesh_embedded.toolchain.building import Job

HEARTBEAT_SECONDS = 30.0


class Display(Protocol):
    """Shows jobs; ``tick`` is called about once a second while any of them runs."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    def tick(self) -> None:
        """Bring the display up to date."""


def display(jobs: Sequence[Job]) -> Display:
    """The display that fits where the messages go."""
    console = Console(stderr=True)
    return LiveDisplay(jobs, console) if console.is_terminal else PlainDisplay(jobs, console)


def clock(seconds: float) -> str:
    """``75`` as ``1:15``."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def remaining_minutes(jobs: Sequence[Job]) -> int:
    """About how many minutes are left, by what each build took on two cores from nothing."""
    left = sum(max(job.build.minutes - job.seconds / 60, 0.1 * job.build.minutes) for job in jobs if job.ended is None)
    return max(1, round(left))


def summary(jobs: Sequence[Job]) -> str:
    """``3 of 9 ready, about 12 min left``."""
    ready = sum(job.state == "ready" for job in jobs)
    text = f"{ready} of {len(jobs)} ready"
    return text if ready == len(jobs) else f"{text}, at most about {remaining_minutes(jobs)} min left"


def _state(job: Job) -> str:
    if job.state == "compiling":
        return f"compiling ({job.compiled} of at most {job.packages} packages)" if job.packages else "compiling"
    return job.state


class LiveDisplay:
    """A table that stays in place."""

    def __init__(self, jobs: Sequence[Job], console: Console) -> None:
        self._jobs = jobs
        self._live = Live(console=console, auto_refresh=False, transient=False)

    def __enter__(self) -> Self:
        self._live.start()
        self.tick()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.tick()
        self._live.stop()

    def tick(self) -> None:
        """Draw the table again."""
        self._live.update(self._table(), refresh=True)

    def _table(self) -> Table:
        styles = {"ready": "green", "failed": "red", "waiting": "dim"}
        table = Table(box=None, padding=(0, 2, 0, 0), title=f"toolchain: {summary(self._jobs)}", title_justify="left")
        for title in ("program", "version", "time", "state"):
            table.add_column(title, justify="right" if title == "time" else "left", no_wrap=True, header_style="dim")
        for job in self._jobs:
            elapsed = clock(job.seconds) if job.started else ""
            state = Text(_state(job), style=styles.get(job.state, ""))
            table.add_row(job.name, job.build.version, elapsed, state)
        return table


class PlainDisplay:
    """One line when a build starts, one when it ends, and a sign of life in between."""

    def __init__(self, jobs: Sequence[Job], console: Console) -> None:
        self._jobs = jobs
        self._console = console
        self._told: set[tuple[str, str]] = set()
        self._last = time.monotonic()

    def __enter__(self) -> Self:
        self._say(f"building {', '.join(job.name for job in self._jobs)}; {summary(self._jobs)}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
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
            self._say("; ".join(f"{job.name} {clock(job.seconds)} {_state(job)}" for job in running))

    def _once(self, job: Job, event: str, line: str) -> None:
        if (job.name, event) not in self._told:
            self._told.add((job.name, event))
            self._say(line)

    def _say(self, line: str) -> None:
        self._last = time.monotonic()
        self._console.print(f"toolchain: {line}", soft_wrap=True, highlight=False, markup=False)
