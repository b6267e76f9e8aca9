from __future__ import annotations

import io
import itertools
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from otel_mesh_embedded.node.machine import cgroups
from otel_mesh_embedded.supervision import processes, supervisor
from otel_mesh_embedded.supervision.registry import Program, Registry
from tests.embedded.supervision.test_machine_lock import HOLDER
from tests.ending import ending

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from otel_mesh_embedded.supervision.processes import Process


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    monkeypatch.setattr(cgroups, "join", lambda _pid: None)
    for name in ("specifications", "logs"):
        (tmp_path / name).mkdir()
    made = Registry(tmp_path, tmp_path / "specifications", tmp_path / "logs")
    yield made
    processes.end(made.processes(), grace=0)


def start(registry: Registry, *argv: str) -> Process:
    return registry.ensure(Program("program", argv, {"PATH": os.environ["PATH"]}))


def kill(process: Process) -> None:
    os.kill(process.pid, signal.SIGKILL)
    processes.wait([process], 60)


def test_a_killed_program_is_started_again_as_it_was(registry: Registry, tmp_path: Path) -> None:
    first = start(registry, "sleep", "600")
    watcher = supervisor.Supervisor(registry, tmp_path / "lock")
    assert watcher.look(0.0) == [first]
    kill(first)
    (second,) = watcher.look(1.0)
    assert second.pid != first.pid
    assert second.stamp == first.stamp
    assert watcher.look(2.0) == [second]


def test_a_stopped_program_stays_stopped(registry: Registry, tmp_path: Path) -> None:
    start(registry, "sleep", "600")
    registry.stop("program")
    assert supervisor.Supervisor(registry, tmp_path / "lock").look(0.0) == []


def test_nothing_is_started_while_a_command_is_at_work(registry: Registry, tmp_path: Path) -> None:
    process = start(registry, "sleep", "600")
    kill(process)
    watcher = supervisor.Supervisor(registry, tmp_path / "lock")
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "lock")]
    with ending(subprocess.Popen(command, stdout=subprocess.PIPE)) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        assert watcher.look(0.0) == []
    assert len(watcher.look(1.0)) == 1


def test_one_that_keeps_ending_is_started_less_and_less_often(registry: Registry, tmp_path: Path) -> None:
    kill(start(registry, "true"))
    watcher = supervisor.Supervisor(registry, tmp_path / "lock")
    starts = []
    for second in range(120):
        running = watcher.look(float(second))
        processes.wait(running, 60)
        if running:
            starts.append(second)
    gaps = [later - earlier for earlier, later in itertools.pairwise(starts)]
    assert len(starts) < 10
    assert gaps == sorted(gaps)
    assert gaps[-1] >= 15


def test_a_log_is_cut_while_its_writer_goes_on(tmp_path: Path) -> None:
    log = tmp_path / "program.log"
    with log.open("ab", buffering=0) as writer:
        writer.write(b"a" * 1000 + b"end")
        supervisor.trim(log, limit=100, kept=13)
        writer.write(b"next")
    assert log.read_bytes() == b"next"
    assert (tmp_path / "program.1.log").read_bytes() == b"a" * 10 + b"end"


def test_on_a_full_disk_a_log_is_cut_all_the_same_and_its_end_is_lost(tmp_path: Path) -> None:
    log = tmp_path / "program.log"
    log.write_bytes(b"a" * 1000)
    (tmp_path / "program.1.log").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left"):
        supervisor.trim(log, limit=100, kept=13)
    assert log.read_bytes() == b"", "that is what makes room"


def test_a_supervisor_that_cannot_write_goes_on(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = start(registry, "sleep", "600")
    kill(first)
    with io.TextIOWrapper(io.FileIO("/dev/full", "w"), write_through=True) as full:
        monkeypatch.setattr(sys, "stdout", full)
        (second,) = supervisor.Supervisor(registry, tmp_path / "lock").look(0.0)
    assert second.pid != first.pid
