"""What a bench or a test starts ends with it, whatever ends it: the kernel's list of processes says so."""

from __future__ import annotations

import re
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from otel_mesh_cli.core import child_processes
from otel_mesh_cli.core.paths import repo_dir
from tests.embedded.supervision.left_processes import ENDINGS, ended, left_by, running
from tests.waiting import PATIENCE_S, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

BY_HAND = re.compile(r"\bPopen\([^)]")

LISTENER = """
    import sys
    from pathlib import Path
    from tests.programs.ports import free_port
    from tests.programs.program import LoopbackProgram

    port = free_port()
    command = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(port)]
    program = LoopbackProgram(command, port, Path("listener.log"))
    program.start()
    tell(program.pid)
"""
DATABASE = """
    from tests.app_images.services.postgres_server import PostgresServer

    server = PostgresServer()
    server.start()
    tell(server.pid)
"""
FROM_A_THREAD = """
    import sys, threading
    from otel_mesh_cli.core import child_processes

    started = []
    thread = threading.Thread(target=lambda: started.append(child_processes.start(["sleep", "600"])))
    thread.start()
    thread.join()
    tell(started[0].pid)
"""
DEAF = """
    import signal, sys
    from otel_mesh_cli.core import child_processes

    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(600)"
    process = child_processes.start([sys.executable, "-c", code], stdout=-1)
    process.stdout.readline()
    tell(process.pid)
"""


@pytest.fixture
def _own_temporary_folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One that the database's user may enter, as nobody is left to remove what it makes there."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        monkeypatch.setenv("TMPDIR", folder)
        yield


@pytest.mark.usefixtures("_own_temporary_folder")
@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize(
    "program",
    [LISTENER, DATABASE, FROM_A_THREAD, DEAF],
    ids=["a program on loopback", "a database with workers", "by a thread that has ended", "one that ignores SIGTERM"],
)
def test_nothing_is_left_of_what_an_ended_process_started(program: str, ending: signal.Signals, tmp_path: Path) -> None:
    assert left_by(program, ending, tmp_path) == []


def test_a_program_outlives_the_thread_that_started_it(tmp_path: Path) -> None:
    with running(FROM_A_THREAD, tmp_path) as (parent, (child,)):
        wait_for(lambda: child.name() == "sleep")  # the kernel has been asked by then
        assert child.ppid() == parent.pid
        parent.kill()
        wait_for(lambda: ended(child))


def test_a_child_whose_parent_is_gone_before_the_kernel_is_asked_does_not_begin(tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    words = [*child_processes.prefix(signal.SIGKILL)[:-1], "1", "touch", str(begun)]  # another parent than this one
    assert subprocess.run(words, check=False).returncode != 0
    assert not begun.exists()
    assert subprocess.run([*child_processes.prefix(signal.SIGKILL), "touch", str(begun)], check=False).returncode == 0
    assert begun.exists()


def test_arguments_output_and_status_are_those_of_the_program() -> None:
    words = ["sh", "-c", 'printf "%s|" "$@"; exit 7', "name", "a b", "$HOME", "", "--"]
    process = child_processes.start(words, stdout=subprocess.PIPE, text=True)
    said, _ = process.communicate(timeout=PATIENCE_S)
    assert (said, process.returncode, process.args) == ("a b|$HOME||--|", 7, words)


def test_servers_of_tests_and_benches_are_started_in_one_place() -> None:
    """Not those of the environment, which outlive the command that starts them, nor what a test waits for itself."""
    folders = [
        repo_dir() / name
        for name in (
            "bench",
            "tests/programs",
            "tests/components",
            "tests/engine",
            "tests/app_images/services",
            "tests/app_images/telemetry",
        )
    ]
    modules = [path for folder in folders for path in folder.rglob("*.py")]
    modules += [path for path in (repo_dir() / "tests/embedded").rglob("*.py") if not path.name.startswith("test_")]
    assert len(modules) > 30
    assert [str(path) for path in modules if BY_HAND.search(path.read_text())] == []
