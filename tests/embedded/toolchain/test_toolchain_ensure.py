"""Real builds of a program of a few lines: everything but its size is as with the large ones."""

from __future__ import annotations

import dataclasses
import os
import shutil
import signal
import stat
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path

import pytest

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.paths import cache_dir
from otel_mesh_embedded.toolchain import BUILDS, Build, artefacts, disk_space, folder, golang
from otel_mesh_embedded.toolchain.building import Job
from tests.embedded.toolchain.small_module import MAIN
from tests.ending import ending
from tests.waiting import wait_for

pytestmark = pytest.mark.usefixtures("own_cache")

BUILD_S = 300
"""For a build with an empty cache of Go, which compiles the standard library too."""


@pytest.fixture
def counted_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, go: Path) -> Path:
    """Puts a go first on PATH that notes every `go build`, and waits in it while a file `hold` exists.

    While a file `hold-link` exists, it waits in those that name the linker's flags.
    """
    noted = tmp_path / "noted"
    script = tmp_path / "bin" / "go"
    script.parent.mkdir()
    script.write_text(
        f'#!/bin/sh\nif [ "$1" = build ]; then\n  echo $$ "$*" >> "{noted}"\n'
        f'  while [ -e "{tmp_path}/hold" ]; do sleep 0.1; done\n'
        f'  case "$*" in *-ldflags*) while [ -e "{tmp_path}/hold-link" ]; do sleep 0.1; done ;; esac\n'
        f'fi\nexec "{go}" "$@"\n'
    )
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{script.parent}{os.pathsep}{os.environ['PATH']}")
    return noted


def builds_noted(noted: Path) -> int:
    return len(noted.read_text().splitlines()) if noted.exists() else 0


def ensure_in_another_process(build: Build) -> subprocess.Popen[str]:
    program = f"""
        import signal
        from pathlib import Path
        from otel_mesh_embedded.toolchain import Build, folder
        signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background a shell has it ignored
        build = Build(Path({str(build.folder)!r}), "", {{"hello": "."}},
                      stamps=("main.greeting={{number}}",), release="v1.2.3")
        print(folder(["hello"], builds=[build]))
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_builds_once_and_then_nothing(small_build: Build, counted_go: Path) -> None:
    tools = folder(["hello"], builds=[small_build])
    said = subprocess.run([tools / "hello"], capture_output=True, text=True, check=True).stdout
    assert said == "1.2.3\n"
    assert folder(["hello"], builds=[small_build]) == tools
    assert builds_noted(counted_go) == 1


def test_a_changed_module_folder_is_another_program(small_build: Build, module_folder: Path) -> None:
    before = folder(["hello"], builds=[small_build])
    (module_folder / "main.go").write_text(MAIN.replace("none", "other"))
    after = folder(["hello"], builds=[small_build])
    assert before != after
    assert (before / "hello").exists(), "a shell that still has the old folder on PATH goes on working"


def test_the_key_knows_sources_flags_and_go(
    small_build: Build, module_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = golang.Go(Path("/usr/bin/go"), (1, 26))
    first = artefacts.key(small_build, go)
    variants = [
        artefacts.key(small_build, golang.Go(go.command, (1, 27))),
        artefacts.key(Build(module_folder, "", {"hello": "."}, release="v1.2.3"), go),
        artefacts.key(Build(module_folder, "", {"hello": "."}, stamps=small_build.stamps, release="v1.2.4"), go),
        artefacts.key(dataclasses.replace(small_build, files={"script": ("example.com/hello", "script")}), go),
    ]
    (module_folder / "go.sum").write_text("\n")
    variants.append(artefacts.key(small_build, go))
    monkeypatch.setattr(artefacts, "TAGS", ("another",))
    variants.append(artefacts.key(small_build, go))
    assert len({first, *variants}) == 7
    assert first.startswith("v1.2.3-")


def with_library(folder: Path) -> Build:
    """The small program with a package beside its main one."""
    (folder / "greeting").mkdir(parents=True)
    (folder / "go.mod").write_text(f"module example.com/{folder.name}\n\ngo 1.26.0\n")
    (folder / "greeting" / "greeting.go").write_text(f'package greeting\n\nconst Text = "from {folder.name}\\n"\n')
    imports = f'import (\n\t"os"\n\n\t"example.com/{folder.name}/greeting"\n)'
    (folder / "main.go").write_text(
        f"package main\n\n{imports}\n\nfunc main() {{ os.Stdout.WriteString(greeting.Text) }}\n"
    )
    return Build(folder, "", {folder.name: "."}, release="v1.2.3")


def test_what_programs_are_made_of_is_compiled_first_and_then_linked(tmp_path: Path, counted_go: Path) -> None:
    tools = folder(["second"], builds=[with_library(tmp_path / "modules" / "second")])
    assert subprocess.run([tools / "second"], capture_output=True, text=True, check=True).stdout == "from second\n"
    compiling, linking = counted_go.read_text().splitlines()
    assert compiling.endswith(" example.com/second/greeting"), "no package of the standard library, and no program"
    assert "-ldflags" not in compiling
    assert "-ldflags" in linking
    assert all(flag in line for line in (compiling, linking) for flag in golang.COMPILER_FLAGS)


def test_one_build_compiles_at_a_time_while_others_link(tmp_path: Path, counted_go: Path) -> None:
    holds = [tmp_path / "hold", tmp_path / "hold-link"]
    for hold in holds:
        hold.touch()
    builds = [with_library(tmp_path / "modules" / name) for name in ("second", "third")]
    jobs = [Job(build, golang.find(), build.programs) for build in builds]
    with ThreadPoolExecutor(len(jobs)) as pool:
        try:
            futures = [pool.submit(job.run) for job in jobs]
            wait_for(lambda: {job.state for job in jobs} == {"compiling", "waiting for its turn to compile"})
            wait_for(lambda: builds_noted(counted_go) == 1)
            holds[0].unlink()
            wait_for(lambda: [job.state for job in jobs] == ["linking", "linking"])
        finally:
            for hold in holds:
                hold.unlink(missing_ok=True)
        for future in futures:
            future.result()
    assert [job.state for job in jobs] == ["ready", "ready"]
    assert builds_noted(counted_go) == 4


def test_two_processes_build_it_once(small_build: Build, counted_go: Path, tmp_path: Path) -> None:
    (tmp_path / "hold").touch()
    with (
        ending(ensure_in_another_process(small_build)) as first,
        ending(ensure_in_another_process(small_build)) as last,
    ):
        processes = (first, last)
        wait_for(lambda: builds_noted(counted_go) == 1)
        time.sleep(0.5)  # the second one is at the lock by now
        (tmp_path / "hold").unlink()
        outputs = [process.communicate(timeout=BUILD_S) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    assert outputs[0][0] == outputs[1][0]
    assert builds_noted(counted_go) == 1


def test_a_killed_build_leaves_nothing_in_the_way(small_build: Build, counted_go: Path, tmp_path: Path) -> None:
    (tmp_path / "hold").touch()
    with ending(ensure_in_another_process(small_build)) as process:
        wait_for(lambda: builds_noted(counted_go) == 1)
        child = int(counted_go.read_text().split()[0])
        process.send_signal(signal.SIGKILL)
        process.communicate()
    wait_for(lambda: not Path(f"/proc/{child}").exists())  # Go did not outlive its parent
    assert list((cache_dir() / "tools").glob("hello/*/*")) == []
    (tmp_path / "hold").unlink()
    tools = folder(["hello"], builds=[small_build])
    assert (tools / "hello").exists()
    assert list((cache_dir() / "tools" / ".stage").iterdir()) == []


def test_an_interrupt_ends_the_build_at_once(small_build: Build, counted_go: Path, tmp_path: Path) -> None:
    (tmp_path / "hold").touch()
    with ending(ensure_in_another_process(small_build)) as process:
        wait_for(lambda: builds_noted(counted_go) == 1)
        child = int(counted_go.read_text().split()[0])
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=BUILD_S)
    assert process.returncode != 0
    wait_for(lambda: not Path(f"/proc/{child}").exists())  # it would build for ever


def test_a_failed_build_names_program_reason_and_log(small_build: Build, module_folder: Path) -> None:
    (module_folder / "main.go").write_text("package main\n\nfunc main() { missing() }\n")
    with pytest.raises(CommandError) as caught:
        folder(["hello"], builds=[small_build])
    message = str(caught.value)
    assert message.startswith("toolchain: hello v1.2.3: ./main.go:3:15: undefined: missing; read the log (log: ")
    assert "\n" not in message
    assert caught.value.log is not None
    assert "undefined: missing" in caught.value.log.read_text()
    assert list((cache_dir() / "tools" / ".stage").iterdir()) == []


def test_no_network_is_said_so(
    small_build: Build, module_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (module_folder / "go.mod").write_text("module example.com/hello\n\ngo 1.26.0\n\nrequire example.com/dep v1.0.0\n")
    pin = "h1:" + "A" * 43 + "="
    (module_folder / "go.sum").write_text(f"example.com/dep v1.0.0 {pin}\nexample.com/dep v1.0.0/go.mod {pin}\n")
    (module_folder / "main.go").write_text('package main\n\nimport _ "example.com/dep"\n\nfunc main() {}\n')
    monkeypatch.setenv("GOPROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("GOMODCACHE", str(tmp_path / "modcache"))
    with pytest.raises(CommandError, match=r"hello v1\.2\.3: no network: .*connection refused") as caught:
        folder(["hello"], builds=[small_build])
    assert "GOPROXY" in caught.value.remedy


@pytest.mark.usefixtures("counted_go")
def test_one_failure_stops_the_others(small_build: Build, tmp_path: Path) -> None:
    (tmp_path / "hold").touch()
    broken = tmp_path / "modules" / "broken"
    shutil.copytree(small_build.folder, broken)
    (broken / "go.mod").write_text("this is no go.mod\n")
    other = Build(broken, "", {"broken": "."}, release="v1.0.0")
    with pytest.raises(CommandError, match="toolchain: broken v1"):
        folder(["hello", "broken"], builds=[small_build, other])
    assert list((cache_dir() / "tools").glob("hello/*/*")) == []


def test_too_little_room_is_refused_before_anything_is_built(
    small_build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    nearly_full = shutil.disk_usage("/")._replace(free=1)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: nearly_full)
    with pytest.raises(CommandError, match=r"0\.0 GiB free, building 1 programs takes up to"):
        folder(["hello"], builds=[small_build])
    assert not (cache_dir() / "tools" / ".stage").exists()


@pytest.mark.parametrize(
    ("free_gib", "builds", "enough"), [(15, BUILDS, False), (17, BUILDS, True), (4, BUILDS[:1], True)]
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
    refused = pytest.raises(CommandError, match=rf"{free_gib}\.0 GiB free, building") if not enough else nullcontext()
    with refused:
        disk_space.require_for(builds, golang.find())
