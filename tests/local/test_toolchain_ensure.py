"""Real builds of a program of a few lines: everything but its size is as with the large ones."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import textwrap
import time
from contextlib import nullcontext
from pathlib import Path

import pytest

from local.errors import LocalError
from local.paths import cache_dir
from local.toolchain import BUILDS, Build, artefacts, ensure, golang, room

MAIN = (
    'package main\n\nimport "os"\n\nvar greeting = "none"\n\nfunc main() { os.Stdout.WriteString(greeting + "\\n") }\n'
)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, go: Path) -> None:
    monkeypatch.setenv("PATH", str(go.parent), prepend=os.pathsep)
    monkeypatch.setenv("OTEL_MESH_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "modules" / "hello"
    folder.mkdir(parents=True)
    (folder / "go.mod").write_text("module example.com/hello\n\ngo 1.26.0\n")
    (folder / "main.go").write_text(MAIN)
    return folder


@pytest.fixture
def build(folder: Path) -> Build:
    return Build(folder, "", {"hello": "."}, stamps=("main.greeting={number}",), release="v1.2.3")


@pytest.fixture
def counted_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, go: Path) -> Path:
    """Puts a go first on PATH that notes every `go build`, and waits in it while a file `hold` exists."""
    noted = tmp_path / "noted"
    script = tmp_path / "bin" / "go"
    script.parent.mkdir()
    script.write_text(
        f'#!/bin/sh\nif [ "$1" = build ]; then\n  echo $$ >> "{noted}"\n'
        f'  while [ -e "{tmp_path}/hold" ]; do sleep 0.1; done\nfi\nexec "{go}" "$@"\n'
    )
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{script.parent}{os.pathsep}{os.environ['PATH']}")
    return noted


def builds_noted(noted: Path) -> int:
    return len(noted.read_text().split()) if noted.exists() else 0


def ensure_in_another_process(build: Build) -> subprocess.Popen[str]:
    program = f"""
        from pathlib import Path
        import signal
        from local.toolchain import Build, ensure
        signal.signal(signal.SIGINT, signal.default_int_handler)  # also where this process ignores it, as by nohup
        build = Build(Path({str(build.folder)!r}), "", {{"hello": "."}},
                      stamps=("main.greeting={{number}}",), release="v1.2.3")
        print(ensure(["hello"], builds=[build]))
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_builds_once_and_then_nothing(build: Build, counted_go: Path) -> None:
    tools = ensure(["hello"], builds=[build])
    said = subprocess.run([tools / "hello"], capture_output=True, text=True, check=True).stdout
    assert said == "1.2.3\n"
    assert ensure(["hello"], builds=[build]) == tools
    assert builds_noted(counted_go) == 1


def test_a_changed_module_folder_is_another_program(build: Build, folder: Path) -> None:
    before = ensure(["hello"], builds=[build])
    (folder / "main.go").write_text(MAIN.replace("none", "other"))
    after = ensure(["hello"], builds=[build])
    assert before != after
    assert (before / "hello").exists(), "a shell that still has the old folder on PATH goes on working"


def test_the_key_knows_sources_flags_and_go(build: Build, folder: Path) -> None:
    go = golang.Go(Path("/usr/bin/go"), (1, 26))
    first = artefacts.key(build, go)
    variants = [
        artefacts.key(build, golang.Go(go.command, (1, 27))),
        artefacts.key(Build(folder, "", {"hello": "."}, release="v1.2.3"), go),
        artefacts.key(Build(folder, "", {"hello": "."}, stamps=build.stamps, release="v1.2.4"), go),
        artefacts.key(Build(folder, "", {"hello": "."}, stamps=build.stamps, release="v1.2.3", tags=("x",)), go),
    ]
    (folder / "go.sum").write_text("\n")
    assert len({first, *variants, artefacts.key(build, go)}) == 6
    assert first.startswith("v1.2.3-")


def test_two_processes_build_it_once(build: Build, counted_go: Path, tmp_path: Path) -> None:
    (tmp_path / "hold").touch()
    processes = [ensure_in_another_process(build) for _ in range(2)]
    wait_for(lambda: builds_noted(counted_go) == 1)
    time.sleep(0.5)  # the second one is at the lock by now
    (tmp_path / "hold").unlink()
    outputs = [process.communicate(timeout=60) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    assert outputs[0][0] == outputs[1][0]
    assert builds_noted(counted_go) == 1


def test_a_killed_build_leaves_nothing_in_the_way(build: Build, counted_go: Path, tmp_path: Path) -> None:
    (tmp_path / "hold").touch()
    process = ensure_in_another_process(build)
    wait_for(lambda: builds_noted(counted_go) == 1)
    child = int(counted_go.read_text())
    process.send_signal(signal.SIGKILL)
    process.communicate()
    wait_for(lambda: not Path(f"/proc/{child}").exists())  # Go did not outlive its parent
    assert list((cache_dir() / "tools").glob("hello/*/*")) == []
    (tmp_path / "hold").unlink()
    tools = ensure(["hello"], builds=[build])
    assert (tools / "hello").exists()
    assert list((cache_dir() / "tools" / ".stage").iterdir()) == []


def test_an_interrupt_ends_the_build_at_once(build: Build, counted_go: Path, tmp_path: Path) -> None:
    (tmp_path / "hold").touch()
    process = ensure_in_another_process(build)
    wait_for(lambda: builds_noted(counted_go) == 1)
    child = int(counted_go.read_text())
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode != 0
    assert not Path(f"/proc/{child}").exists()


def test_a_failed_build_names_program_reason_and_log(build: Build, folder: Path) -> None:
    (folder / "main.go").write_text("package main\n\nfunc main() { missing() }\n")
    with pytest.raises(LocalError) as caught:
        ensure(["hello"], builds=[build])
    message = str(caught.value)
    assert message.startswith("toolchain: hello v1.2.3: ./main.go:3:15: undefined: missing; read the log (log: ")
    assert "\n" not in message
    assert caught.value.log is not None
    assert "undefined: missing" in caught.value.log.read_text()
    assert list((cache_dir() / "tools" / ".stage").iterdir()) == []


def test_no_network_is_said_so(build: Build, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "go.mod").write_text("module example.com/hello\n\ngo 1.26.0\n\nrequire example.com/dep v1.0.0\n")
    pin = "h1:" + "A" * 43 + "="
    (folder / "go.sum").write_text(f"example.com/dep v1.0.0 {pin}\nexample.com/dep v1.0.0/go.mod {pin}\n")
    (folder / "main.go").write_text('package main\n\nimport _ "example.com/dep"\n\nfunc main() {}\n')
    monkeypatch.setenv("GOPROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("GOMODCACHE", str(tmp_path / "modcache"))
    with pytest.raises(LocalError, match=r"hello v1\.2\.3: no network: .*connection refused") as caught:
        ensure(["hello"], builds=[build])
    assert "GOPROXY" in caught.value.remedy


@pytest.mark.usefixtures("counted_go")
def test_one_failure_stops_the_others(build: Build, tmp_path: Path) -> None:
    (tmp_path / "hold").touch()
    broken = tmp_path / "modules" / "broken"
    shutil.copytree(build.folder, broken)
    (broken / "go.mod").write_text("this is no go.mod\n")
    other = Build(broken, "", {"broken": "."}, release="v1.0.0")
    with pytest.raises(LocalError, match="toolchain: broken v1"):
        ensure(["hello", "broken"], builds=[build, other])
    assert list((cache_dir() / "tools").glob("hello/*/*")) == []


def test_too_little_room_is_refused_before_anything_is_built(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    nearly_full = shutil.disk_usage("/")._replace(free=1)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: nearly_full)
    with pytest.raises(LocalError, match=r"0\.0 GiB free, building 1 programs takes up to"):
        ensure(["hello"], builds=[build])
    assert not (cache_dir() / "tools" / ".stage").exists()


@pytest.mark.parametrize(
    ("free_gib", "builds", "enough"), [(26, BUILDS, False), (28, BUILDS, True), (4, BUILDS[:1], True)]
)
def test_the_room_that_is_asked_for_is_what_the_missing_builds_take(
    free_gib: int,
    builds: tuple[Build, ...],
    enough: bool,  # noqa: FBT001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All from empty caches: 27 GiB at most."""
    disk = shutil.disk_usage("/")._replace(free=free_gib << 30)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: disk)
    same_disk = {name: Path("/") for name in ("GOMODCACHE", "GOCACHE")}
    monkeypatch.setattr(golang.Go, "caches", lambda _: same_disk)
    monkeypatch.setenv("OTEL_MESH_CACHE", "/")
    refused = pytest.raises(LocalError, match=rf"{free_gib}\.0 GiB free, building") if not enough else nullcontext()
    with refused:
        room.check(builds, golang.find())


def wait_for(condition: object, seconds: float = 30) -> None:
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.05)
