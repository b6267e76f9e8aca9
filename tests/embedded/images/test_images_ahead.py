"""Making images beside the compiling: another process's lines, its end, and what an error does to it.

What makes the images is a script in the place of `otel-mesh node images build`; real images need root and minutes.
"""

from __future__ import annotations

import importlib
import textwrap
from typing import TYPE_CHECKING

import psutil
import pytest

from otel_mesh_embedded.images import IMAGES, making
from tests.embedded.supervision.left_processes import ended
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ahead = importlib.import_module("otel_mesh_embedded.images.ahead")  # the package has a function of that name

LASTING = """
    import subprocess, sys, time
    child = subprocess.Popen(["sleep", "600"])
    print("images: pause: started", file=sys.stderr, flush=True)
    open("pids", "w").write(f"{child.pid} {__import__('os').getpid()}\\n")
    time.sleep(600)
"""


@pytest.fixture
def making_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Put a script in the place of what makes images."""
    monkeypatch.setattr(making, "without_programs", lambda: ["postgres", "redis"])
    monkeypatch.setattr(ahead, "repo_dir", lambda: tmp_path)

    def put(script: str) -> None:
        package = tmp_path / "otel_mesh_cli"
        package.mkdir()
        (package / "__init__.py").touch()
        (package / "__main__.py").write_text(textwrap.dedent(script))

    return put


def started(folder: Path) -> list[psutil.Process]:
    """What the script started and itself, once both are there."""
    pids = folder / "pids"
    wait_for(lambda: pids.exists() and pids.read_text().endswith("\n"))
    return [psutil.Process(int(pid)) for pid in pids.read_text().split()]


def test_its_lines_are_relayed_and_leaving_waits_for_it(
    making_is: Callable[[str], None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    making_is(
        """
        import pathlib, sys, time
        assert sys.argv[1:] == ["node", "images", "build", "postgres", "redis"]
        print("images: postgres: started", file=sys.stderr, flush=True)
        print("what a library warns of", file=sys.stderr, flush=True)
        print("postgres otel-mesh.local/postgres:1", flush=True)
        while not pathlib.Path("left").exists():
            time.sleep(0.05)
        print("images: postgres: ready after 1 s", file=sys.stderr, flush=True)
        pathlib.Path("done").touch()
        """
    )
    said: list[str] = []

    def has_started() -> bool:
        said.append(capsys.readouterr().err)
        return "images: postgres: started\n" in "".join(said)

    with ahead.ahead():
        wait_for(has_started)
        (tmp_path / "left").touch()
    assert (tmp_path / "done").exists()
    out, err = capsys.readouterr()
    assert (out, "".join(said) + err) == ("", "images: postgres: started\nimages: postgres: ready after 1 s\n")


@pytest.mark.parametrize("error", [RuntimeError("compiling failed"), KeyboardInterrupt(), SystemExit(1)])
def test_an_error_beside_it_ends_it_with_all_that_it_started(
    error: BaseException, making_is: Callable[[str], None], tmp_path: Path
) -> None:
    making_is(LASTING)
    family: list[psutil.Process] = []

    def compiling() -> None:
        with ahead.ahead():
            family.extend(started(tmp_path))
            assert not any(map(ended, family))
            raise error

    with pytest.raises(type(error)) as caught:
        compiling()
    assert caught.value is error
    assert len(family) == 2
    wait_for(lambda: all(map(ended, family)))


def test_an_error_after_its_end_is_the_error_that_is_told(making_is: Callable[[str], None], tmp_path: Path) -> None:
    making_is("open('pids', 'w').write(f\"{__import__('os').getpid()}\\n\")")

    def compiling() -> None:
        before = set(psutil.Process().children())
        with ahead.ahead():
            (child,) = set(psutil.Process().children()) - before
            wait_for(lambda: ended(child))
            raise RuntimeError("compiling failed")

    with pytest.raises(RuntimeError, match="compiling failed"):
        compiling()
    assert (tmp_path / "pids").exists()


def test_what_goes_wrong_there_is_no_error_here(
    making_is: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    making_is("import sys; sys.exit('otel-mesh: image redis: no network; connect this machine')")
    with ahead.ahead():
        pass
    assert capsys.readouterr() == ("", ""), "`images.make` meets the same and says it"


def test_where_all_were_made_before_nothing_is_started(
    making_is: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    making_is(LASTING)
    monkeypatch.setattr(making, "without_programs", list)
    before = set(psutil.Process().children())
    with ahead.ahead():
        assert set(psutil.Process().children()) - before == set()


@pytest.mark.parametrize(("user", "made", "left"), [(0, False, True), (0, True, False), (1000, False, False)])
def test_it_is_for_root_and_for_images_that_were_never_made(
    user: int,
    made: bool,  # noqa: FBT001
    left: bool,  # noqa: FBT001
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTEL_MESH_CACHE", str(tmp_path))
    monkeypatch.setattr("os.geteuid", lambda: user)
    archives = tmp_path / "images" / "archives"
    archives.mkdir(parents=True)
    every = {image.name for image in IMAGES if not image.programs} & making._of_stack()  # noqa: SLF001
    for name in every if made else sorted(every)[1:]:
        (archives / f"{name}-0123456789ab.tar").touch()
    assert set(making.without_programs()) == (every if left else set())
