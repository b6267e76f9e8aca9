from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_embedded.supervision import machine_lock
from tests.ending import ending

if TYPE_CHECKING:
    from pathlib import Path

HOLDER = """
import sys, time
from pathlib import Path
from otel_mesh_embedded.supervision import machine_lock
with machine_lock.hold("otel-mesh up", Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_second_command_is_told_who_is_at_work_and_a_killed_one_holds_nothing(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with ending(subprocess.Popen([sys.executable, "-c", HOLDER, str(lock)], stdout=subprocess.PIPE)) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with (
            pytest.raises(CommandError, match=rf"otel-mesh up \(process {holder.pid}\) is at work on this machine"),
            machine_lock.hold("otel-mesh down", lock, wait=0),
        ):
            pytest.fail("held twice")
        os.kill(holder.pid, signal.SIGKILL)
    with machine_lock.hold("otel-mesh down", lock, wait=0):
        assert "otel-mesh down" in lock.read_text()


def test_the_holder_may_take_it_again(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with machine_lock.hold("otel-mesh up", lock), machine_lock.hold("start", lock):
        pass
    with machine_lock.hold("otel-mesh up", lock, wait=0):
        pass


def test_who_removed_the_file_with_the_environment_does_not_hold_the_next_one(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with machine_lock.hold("otel-mesh down", lock):
        lock.unlink()
        with ending(subprocess.Popen([sys.executable, "-c", HOLDER, str(lock)], stdout=subprocess.PIPE)) as holder:
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"held\n"
            holder.kill()


def test_what_is_started_under_it_does_not_keep_it(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with machine_lock.hold("otel-mesh up", lock):
        child = subprocess.Popen(["sleep", "600"])
    try:
        with ending(subprocess.Popen([sys.executable, "-c", HOLDER, str(lock)], stdout=subprocess.PIPE)) as holder:
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"held\n"
            holder.kill()
    finally:
        child.kill()
        child.wait()


def test_a_file_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(CommandError, match="cannot be opened"),
        machine_lock.hold("otel-mesh up", tmp_path / "file" / "lock"),
    ):
        pytest.fail("held")
