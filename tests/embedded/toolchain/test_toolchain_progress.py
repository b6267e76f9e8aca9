"""What a person sees while programs are built."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from otel_mesh_embedded.toolchain import Build, building, golang, progress
from otel_mesh_embedded.toolchain.building import Job


@pytest.fixture
def jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Job]:
    monkeypatch.setenv("OTEL_MESH_CACHE", str(tmp_path))
    go = golang.Go(Path("/usr/bin/go"), (1, 26))
    made = [
        Job(Build(tmp_path / name, "", {name: "."}, release="v1.0.0", minutes=minutes), go, [name])
        for name, minutes in (("alpha", 4), ("beta", 2), ("gamma", 1))
    ]
    now = 1000.0
    monkeypatch.setattr(building, "time", SimpleNamespace(monotonic=lambda: now))
    made[0].started, made[0].ended, made[0].state = now - 75, now, "ready"
    made[1].started, made[1].state, made[1].packages, made[1].compiled = now - 60, "compiling", 900, 312
    return made


def test_the_summary_counts_what_is_ready_and_what_is_left(jobs: list[Job]) -> None:
    assert progress.summary(jobs) == "1 of 3 ready, at most about 2 min left"
    for job in jobs[1:]:
        job.state, job.started, job.ended = "ready", 0.0, 1.0
    assert progress.summary(jobs) == "3 of 3 ready"


def test_plain_lines_tell_start_end_and_signs_of_life(jobs: list[Job], monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    shown = progress.LineDisplay(jobs, Console(file=stream, width=200))
    shown.tick()
    shown.tick()
    lines = stream.getvalue().splitlines()
    assert len(lines) == 3, "each event once"
    assert lines[0].startswith("toolchain: alpha v1.0.0: started (log: ")
    assert lines[1] == "toolchain: alpha: ready after 1:15; 1 of 3 ready, at most about 2 min left"
    monkeypatch.setattr(progress, "HEARTBEAT_SECONDS", 0.0)
    shown.tick()
    assert stream.getvalue().splitlines()[-1] == "toolchain: beta 1:00 compiling (312 of at most 900 packages)"


def test_the_table_on_a_terminal_shows_every_program(jobs: list[Job]) -> None:
    stream = io.StringIO()
    with progress.TableDisplay(jobs, Console(file=stream, force_terminal=True, width=100)) as shown:
        shown.tick()
    text = stream.getvalue()
    for expected in ("alpha", "1:15", "ready", "compiling (312 of at most 900 packages)", "gamma", "waiting"):
        assert expected in text


def test_only_a_terminal_gets_the_table(jobs: list[Job], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    assert isinstance(progress.display(jobs), progress.LineDisplay)
