from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from otel_mesh_cli.stacks import stack_lock

if TYPE_CHECKING:
    from pathlib import Path


def write(backend: Path, name: str, **content: object) -> Path:
    folder = backend / ".pulumi" / "locks" / "organization" / "otel-mesh" / "local"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    path.write_text(json.dumps(content))
    path.with_name(f"{path.name}.attrs").write_text("{}")
    return path


def stamp(**ago: float) -> str:
    """A moment with nanoseconds, as Go writes it."""
    return (datetime.now(UTC) - timedelta(**ago)).isoformat(timespec="microseconds").replace("+00:00", "123Z")


def dead_pid() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
        return process.pid


def remaining(backend: Path) -> list[int]:
    return [lock.pid for lock in stack_lock.clear_stale(backend, "otel-mesh", "local")]


def test_the_lock_of_a_dead_process_goes(tmp_path: Path) -> None:
    path = write(tmp_path, "a", pid=dead_pid(), username="root", hostname=socket.gethostname(), timestamp=stamp())
    assert remaining(tmp_path) == []
    assert list(path.parent.iterdir()) == []


def test_the_lock_of_a_living_process_stays(tmp_path: Path) -> None:
    pid = os.getpid()
    path = write(tmp_path, "a", pid=pid, username="root", hostname=socket.gethostname(), timestamp=stamp())
    assert remaining(tmp_path) == [pid]
    assert path.exists()


def test_a_number_that_was_given_to_another_process_is_no_life(tmp_path: Path) -> None:
    write(tmp_path, "a", pid=os.getpid(), username="root", hostname=socket.gethostname(), timestamp=stamp(days=2))
    assert remaining(tmp_path) == []


def test_a_lock_of_another_machine_stays(tmp_path: Path) -> None:
    pid = dead_pid()
    write(tmp_path, "a", pid=pid, username="root", hostname="elsewhere", timestamp=stamp(days=2))
    assert remaining(tmp_path) == [pid]


@pytest.mark.parametrize("text", ["", '{"pid": 1', '{"pid": "x"}', "[]"])
def test_a_lock_file_cut_short_is_its_dead_writers(tmp_path: Path, text: str) -> None:
    path = write(tmp_path, "a")
    path.write_text(text)
    assert remaining(tmp_path) == []
    assert not path.exists()


def test_no_lock_folder_is_no_lock(tmp_path: Path) -> None:
    assert remaining(tmp_path) == []


def test_a_lock_whose_writer_was_killed_before_its_renaming_goes_once_it_is_old(tmp_path: Path) -> None:
    """The CLI counts every file of the folder as a lock."""
    path = write(tmp_path, "a")
    half = path.rename(path.with_name("a.json.18c0ffee.tmp"))
    assert remaining(tmp_path) == []
    assert half.exists(), "its writer may be about to rename it"
    os.utime(half, (0, 0))
    assert remaining(tmp_path) == []
    assert not half.exists()
