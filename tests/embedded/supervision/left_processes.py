"""Programs that start servers as benches and tests do, ended from outside, and what of that is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psutil

from otel_mesh_cli.core import child_processes
from otel_mesh_cli.core.paths import repo_dir
from tests.waiting import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ENDINGS = (signal.SIGTERM, signal.SIGKILL)

FRAME = """
    import signal, time

    # as of a shell that started this in the background or under nohup, or not: the same for both
    signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def tell(*pids):
        print(*pids, flush=True)
        time.sleep(600)
"""


def ended(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE or not process.is_running()
    except psutil.NoSuchProcess:
        return True


@contextmanager
def running(program: str, folder: Path) -> Iterator[tuple[subprocess.Popen[str], list[psutil.Process]]]:
    """A process of a program, and those whose numbers it told; what is left of all of them is killed afterwards."""
    code = textwrap.dedent(FRAME) + textwrap.dedent(program)
    environment = {**os.environ, "PYTHONPATH": str(repo_dir())}
    command = [sys.executable, "-c", code]
    with child_processes.start(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True) as parent:
        started: list[psutil.Process] = []
        try:
            assert parent.stdout is not None
            started += [psutil.Process(int(pid)) for pid in parent.stdout.readline().split()]
            assert started, "it told nothing"
            assert not any(map(ended, started))
            yield parent, started
        finally:
            parent.kill()
            for process in started:
                if not ended(process):
                    process.kill()


def left_by(program: str, ending: signal.Signals, folder: Path) -> list[psutil.Process]:
    """What a process of this program leaves running when it is ended in this way, having started some."""
    with running(program, folder) as (parent, started):
        family = [one for process in started for one in (process, *process.children(recursive=True))]
        parent.send_signal(ending)
        assert parent.wait(PATIENCE_S) == -ending
        end = time.monotonic() + PATIENCE_S
        while not all(map(ended, family)) and time.monotonic() < end:
            time.sleep(0.05)
        return [process for process in family if not ended(process)]
