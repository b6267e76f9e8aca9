"""What `make test` runs: all tests but those of tests/e2e, on several workers, in another order each time.

Where programs are missing, three phases: tests that need none run while the programs are got ready beside them, then
those that run programs, then those on the engine.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import pytest

from otel_mesh_cli.core import child_processes
from otel_mesh_cli.core.paths import cache_dir, repo_dir

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

ALL: Final = ("all tests", "not e2e and not versions")
PHASES: Final = (
    ("tests that need no program", "not e2e and not versions and not programs and not engine"),
    ("tests that run programs", "not e2e and programs and not engine"),
    ("tests on the engine", "not e2e and engine"),
)
GETTING: tuple[str, ...] = ("nice", sys.executable, "-m", "tests.built")
"""Gets the programs ready; it gives way to the tests."""
WORKERS: Final = min(4, 1 + (os.cpu_count() or 1))
"""One more than processors, as tests wait a lot. Each has servers of its own, an API server of 0.6 GiB among them."""
_GRACE_S = 10
"""How long a look at programs that are all here may take; what takes longer gets some."""
_SIGN_OF_LIFE_S = 60


def main(arguments: Sequence[str]) -> int:
    """Run everything and return pytest's exit status, the first that is not 0.

    Args:
        arguments: for pytest, after ours.
    """
    log = cache_dir() / "logs" / "test-programs.log"
    with _getting(log) as getting:
        try:
            phases = (ALL,) if getting.wait(_GRACE_S) == 0 else PHASES
        except subprocess.TimeoutExpired:
            phases = PHASES
            _say(f"programs are got ready beside the first tests (log: {log})")
        results = []
        for name, chosen in phases:
            if (name, chosen) != phases[0] and not _got(getting, log):
                return 1
            results.append(_pytest(name, chosen, arguments))
            if results[-1] == pytest.ExitCode.INTERRUPTED:
                break
    none = pytest.ExitCode.NO_TESTS_COLLECTED
    failed = [result for result in results if result not in {pytest.ExitCode.OK, none}]
    return failed[0] if failed else min(results)


@contextmanager
def _getting(log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The process that gets programs ready; it ends with the block."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with (
        log.open("wb") as output,
        child_processes.start(
            GETTING, ending=signal.SIGTERM, cwd=repo_dir(), stdin=subprocess.DEVNULL, stdout=output, stderr=output
        ) as process,
    ):
        try:
            yield process
        finally:
            process.terminate()


def _got(getting: subprocess.Popen[bytes], log: Path) -> bool:
    """Wait until the programs are there; tell of it where they are not."""
    while True:
        try:
            status = getting.wait(_SIGN_OF_LIFE_S)
        except subprocess.TimeoutExpired:
            _say(f"waiting for programs: {_last_line(log)}")
        else:
            if status:
                _say(f"programs are not there: {_last_line(log)} (log: {log})")
            return status == 0


def _last_line(log: Path) -> str:
    return ([line for line in log.read_text(errors="replace").splitlines() if line] or ["nothing said yet"])[-1]


def _pytest(name: str, chosen: str, arguments: Sequence[str]) -> int:
    started = time.monotonic()
    _say(name)
    options = ["-m", chosen, "--numprocesses", str(WORKERS), "--dist", "loadscope"]
    command = [sys.executable, "-m", "pytest", *options, *arguments]
    with child_processes.start(command, ending=signal.SIGTERM, cwd=repo_dir()) as process:
        status = process.wait()
    _say(f"{name}: exit {status} after {time.monotonic() - started:.0f} s")
    return int(status)


def _say(text: str) -> None:
    print(f"== {text}", flush=True)  # noqa: T201 - it talks to a terminal


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(pytest.ExitCode.INTERRUPTED)
