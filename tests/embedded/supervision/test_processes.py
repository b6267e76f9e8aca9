from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_embedded.node.machine import cgroups
from otel_mesh_embedded.supervision import processes
from otel_mesh_embedded.supervision.registry import Program, Registry
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ENVIRONMENT = {"PATH": os.environ["PATH"]}
SLEEP = ("sleep", "600")


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    monkeypatch.setattr(cgroups, "join", lambda _pid: None)  # the machine's cgroups are not the test's
    for name in ("specifications", "logs"):
        (tmp_path / name).mkdir()
    made = Registry(tmp_path, tmp_path / "specifications", tmp_path / "logs")
    yield made
    processes.end(made.processes(), grace=0)


def test_a_program_starts_once_and_is_adopted_by_whoever_comes_next(registry: Registry, tmp_path: Path) -> None:
    program = Program("sleeper", SLEEP, ENVIRONMENT)
    first = registry.ensure(program)
    successor = Registry(tmp_path, registry.specifications, registry.logs)
    assert successor.ensure(program).pid == first.pid
    assert len(successor.processes()) == 1
    assert "sleeper" not in successor.started


def test_it_is_found_when_its_starter_was_killed_before_it_noted_anything(registry: Registry, tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path; from otel_mesh_embedded.supervision import processes\n"
        "from otel_mesh_embedded.supervision.registry import *\n"
        "cgroups.join = lambda _: os.kill(os.getpid(), signal.SIGKILL)\n"
        "root = Path(sys.argv[1])\n"
        "Registry(root, root / 'specifications', root / 'logs').ensure("
        "Program('sleeper', ('sleep', '600'), {'PATH': os.environ['PATH']}))\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert done.returncode == -signal.SIGKILL
    found = registry.main("sleeper")
    assert found is not None
    assert registry.ensure(Program("sleeper", SLEEP, ENVIRONMENT)) == found


def test_another_command_line_environment_or_file_replaces_the_process(registry: Registry, tmp_path: Path) -> None:
    settings = tmp_path / "settings"
    settings.write_text("a")
    program = Program("sleeper", SLEEP, ENVIRONMENT, (settings,))
    seen = [registry.ensure(program).pid]
    settings.write_text("b")
    seen.append(registry.ensure(program).pid)
    program = replace(program, argv=("sleep", "601"))
    seen.append(registry.ensure(program).pid)
    program = replace(program, environment={**ENVIRONMENT, "LANG": "C"})
    seen.append(registry.ensure(program).pid)
    assert len(set(seen)) == 4
    assert [process.pid for process in registry.processes()] == seen[-1:]


def test_a_double_is_ended(registry: Registry) -> None:
    program = Program("sleeper", SLEEP, ENVIRONMENT)
    registry.ensure(program)
    registry.restore("sleeper")
    assert len(registry.processes("sleeper")) == 2
    kept = registry.ensure(program)
    assert registry.processes("sleeper") == [kept]


def test_a_killed_program_starts_again_in_a_session_of_its_own(registry: Registry) -> None:
    program = Program("sleeper", SLEEP, ENVIRONMENT)
    first = registry.ensure(program)
    assert os.getsid(first.pid) == first.pid != os.getsid(0)
    os.kill(first.pid, signal.SIGKILL)
    processes.wait([first], 60)
    second = registry.ensure(program)
    assert second.pid != first.pid
    assert processes.look(first.pid) is None


def test_a_reused_process_number_is_never_signalled(registry: Registry) -> None:
    process = registry.ensure(Program("sleeper", SLEEP, ENVIRONMENT))
    another = replace(process, started=process.started - 1)
    assert not processes.send(another, signal.SIGKILL)
    processes.end([another], grace=0)
    assert processes.look(process.pid) == process


def test_what_a_program_started_outlives_it_until_it_is_stopped(registry: Registry) -> None:
    script = "sleep 600 & sleep 600 & wait"
    program = Program("parent", ("sh", "-c", script), ENVIRONMENT)
    registry.ensure(program)
    wait_for(lambda: len(registry.processes("parent")) == 3)
    processes.end([process for process in registry.processes("parent") if process.is_main])
    assert [process.is_main for process in registry.processes("parent")] == [False, False]
    assert registry.main("parent") is None
    registry.stop("parent")
    assert registry.processes() == []


def test_one_that_ignores_the_polite_signal_is_killed(registry: Registry) -> None:
    script = "trap '' TERM; echo ready; while :; do sleep 0.1; done"
    program = Program("stubborn", ("sh", "-c", script), ENVIRONMENT)
    process = registry.ensure(program)
    wait_for(lambda: "ready" in registry.log("stubborn").read_text())
    processes.end([process], grace=0.2)
    assert processes.look(process.pid) is None


def test_a_program_whose_first_thread_has_ended_is_waited_for(registry: Registry, tmp_path: Path) -> None:
    """So it is for a moment with every killed program of many threads, and its ports are taken as long."""
    number = {"x86_64": 60, "aarch64": 93}[platform.machine()]
    code = (
        "import ctypes, pathlib, threading, time\n"
        "threading.Thread(target=time.sleep, args=(60,)).start()\n"
        f"while not pathlib.Path({str(tmp_path / 'go')!r}).exists(): time.sleep(0.01)\n"
        f"ctypes.CDLL(None).syscall({number}, 0)\n"  # exit of this thread only
    )
    process = registry.ensure(Program("threads", (sys.executable, "-c", code), ENVIRONMENT))
    (tmp_path / "go").touch()
    while processes.look(process.pid) == process:
        time.sleep(0.01)
    assert processes.wait([process], timeout=0.1) == [process]
    processes.end([process], grace=0)
    assert processes.wait([process], timeout=60) == []


def test_other_nodes_and_strangers_are_left_alone(registry: Registry, tmp_path: Path) -> None:
    other = tmp_path / "other"
    for name in ("", "specifications", "logs"):
        (other / name).mkdir()
    theirs = Registry(other, other / "specifications", other / "logs")
    process = theirs.ensure(Program("sleeper", SLEEP, ENVIRONMENT))
    try:
        registry.stop("sleeper")
        assert theirs.main("sleeper") == process
        assert registry.processes() == []
    finally:
        theirs.stop("sleeper")


def test_an_early_end_is_reported_with_the_last_line_and_the_log(registry: Registry) -> None:
    process = registry.ensure(Program("broken", ("sh", "-c", "echo disk full >&2; exit 3"), ENVIRONMENT))
    processes.wait([process], 60)
    with pytest.raises(CommandError, match=r"broken: ended right after its start: disk full") as caught:
        registry.require_alive("broken")
    assert caught.value.log == registry.log("broken")


def test_a_program_that_is_not_there_is_named(registry: Registry) -> None:
    with pytest.raises(CommandError, match="/nowhere/etcd: cannot be started: No such file"):
        registry.ensure(Program("etcd", ("/nowhere/etcd",), ENVIRONMENT))


def test_the_end_of_one_is_enough_where_not_all_are_waited_for(registry: Registry) -> None:
    first, second = (registry.ensure(Program(name, SLEEP, ENVIRONMENT)) for name in ("first", "second"))
    os.kill(first.pid, signal.SIGKILL)
    assert processes.wait([first, second], 60, for_all=False) == [second]
    assert processes.wait([second], 0.1, for_all=False) == [second]
