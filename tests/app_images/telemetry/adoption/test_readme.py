"""The library's README: its quick start is run as it stands, and what it names is there."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import opentelemetry
import pytest

import otel_mesh_telemetry
from otel_mesh_cli.core import child_processes
from otel_mesh_cli.core.paths import repo_dir
from tests.app_images.telemetry.adoption.foreign import (
    CALLER,
    CLIENT,
    SERVER,
    TRACE,
    TRACEPARENT,
    called_service,
    of_kind,
)
from tests.app_images.telemetry.otlp_receiver import Receiver, plain
from tests.programs.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

LIBRARY = repo_dir() / "app_images" / "telemetry"
README = (LIBRARY / "README.md").read_text()
PROJECT = tomllib.loads((LIBRARY / "pyproject.toml").read_text())["project"]
BLOCKS = re.findall(r"```(sh|python)\n(.*?)```", README, re.DOTALL)
INSTALL, APPLICATION, WITHOUT_CODE, TWO_LINES, WITH_CODE = (text for _, text in BLOCKS[:5])
NAMES = set(re.findall(r"`([A-Za-z_]+)(?:\(.*?\))?`", README))


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library as a package index would give it."""
    folder = tmp_path_factory.mktemp("wheels")
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "wheel", "--no-deps"]
    subprocess.run([*command, "--no-build-isolation", "--wheel-dir", str(folder), str(LIBRARY)], check=True)
    return folder


@pytest.fixture(scope="module")
def installed(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the virtual environment of the README's first command, versions as in our lock."""
    folder = tmp_path_factory.mktemp("newcomer")
    locked = re.findall(r"^[a-z0-9-]+==[^ ]+", (repo_dir() / "requirements" / "dev.txt").read_text(), re.MULTILINE)
    (folder / "constraints.txt").write_text("\n".join(locked))
    settings = {"PIP_FIND_LINKS": str(wheels), "PIP_CONSTRAINT": str(folder / "constraints.txt"), "PIP_QUIET": "1"}
    path = f"{Path(sys.executable).resolve().parent}{os.pathsep}{os.environ['PATH']}"
    sh(INSTALL, folder, **settings, PATH=path)
    return folder


def sh(script: str, folder: Path, **variables: str) -> None:
    done = subprocess.run(
        ["bash", "-euc", script], cwd=folder, env=clean(**variables), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def clean(**variables: str) -> dict[str, str]:
    """What a newcomer's shell has: nothing of this checkout's environment."""
    ours = ("OTEL_", "PYTHON", "VIRTUAL_ENV", "DJANGO_")
    return {**{key: value for key, value in os.environ.items() if not key.startswith(ours)}, **variables}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


@pytest.fixture
def stock() -> Iterator[tuple[str, list[str]]]:
    """The service that the application calls, and the trace contexts that it was called with."""
    with called_service({"left": 4}) as found:
        yield found


def ask(url: str, process: subprocess.Popen[bytes], output: Path) -> Any:  # noqa: ANN401 - JSON
    end = time.monotonic() + 90
    while True:
        assert process.poll() is None, output.read_text()
        assert time.monotonic() < end, output.read_text()
        try:
            return httpx.get(url, headers={"traceparent": TRACEPARENT}, timeout=30).raise_for_status().json()
        except httpx.ConnectError:
            time.sleep(0.05)


@pytest.mark.index
@pytest.mark.parametrize(("script", "addition"), [(WITHOUT_CODE, ""), (WITH_CODE, f"\n\n{TWO_LINES}")])
def test_the_quick_start_as_it_stands_joins_the_callers_trace(
    script: str, addition: str, installed: Path, receiver: Receiver, stock: tuple[str, list[str]]
) -> None:
    url, contexts = stock
    (installed / "books.py").write_text(APPLICATION + addition)
    port = free_port()
    settings = {
        "UVICORN_PORT": str(port),
        "STOCK_URL": url,
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint,
        "OTEL_BSP_SCHEDULE_DELAY": "100",
    }
    output = installed / "output"
    with output.open("wb") as log:
        process = child_processes.start(
            ["bash", "-euc", script],
            cwd=installed,
            env=clean(**settings),
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        assert ask(f"http://127.0.0.1:{port}/books/2", process, output) == {"title": "Emma", "left": 4}
        receiver.wait_for(lambda: len(receiver.spans) >= 2)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(90)
    (served,), (called,) = of_kind(receiver, SERVER), of_kind(receiver, CLIENT)
    assert (served.name, served.trace_id.hex(), served.parent_span_id.hex()) == ("GET /books/{number}", TRACE, CALLER)
    assert (called.name, called.trace_id, called.parent_span_id) == ("GET", served.trace_id, served.span_id)
    assert [context[:52] for context in contexts] == [f"00-{TRACE}-{called.span_id.hex()}"]
    assert plain(called.attributes)["http.response.status_code"] == 200
    assert {about["service.name"] for about, _ in receiver.spans} == {"books"}


def test_an_application_of_twenty_lines_needs_two_more_at_most() -> None:
    assert len(APPLICATION.splitlines()) <= 20
    assert "otel" not in APPLICATION
    assert len([line for line in TWO_LINES.splitlines() if line]) == 2


def test_every_public_name_stands_in_the_readme_and_every_import_of_the_readme_is_public() -> None:
    public = set(otel_mesh_telemetry.__all__)
    assert public - NAMES == set()
    imported = {
        name.strip()
        for names in re.findall(r"^from otel_mesh_telemetry import (.*)$", README, re.MULTILINE)
        for name in names.split(",")
    }
    assert imported - public == set()
    assert "otel_mesh_telemetry." not in README, "no module by its path"
    table = README.partition("| purpose | names | extra |")[2].partition("\n\n")[0]
    rows = [row.split("|") for row in table.splitlines() if row.startswith("| ")]
    named = {name for row in rows for name in re.findall(r"`([A-Za-z_]+)`", row[2])}
    assert named - public - {"OTEL_PROPAGATORS"} == set()


def test_the_readme_names_the_extras_that_there_are() -> None:
    cells = re.findall(r"\| (?:extra )?((?:`[a-z0-9]+`(?:, )?)+) \|$", README, re.MULTILINE)
    told = {name for cell in cells for name in re.findall(r"`([a-z0-9]+)`", cell)}
    assert told == set(PROJECT["optional-dependencies"])


def test_every_variable_of_the_readme_is_read_by_somebody() -> None:
    packages = [LIBRARY / "src", *(Path(place) for place in opentelemetry.__path__)]
    sources = "".join(file.read_text() for package in packages for file in package.rglob("*.py"))
    variables = set(re.findall(r"\b((?:OTEL|POD|MESH|CANONICAL|SERVICE|NODE|CLUSTER|LOG)_[A-Z_]*[A-Z])\b", README))
    assert len(variables) > 25
    assert {name for name in variables if name not in sources} == set()


def test_the_package_tells_an_index_what_it_is(wheels: Path) -> None:
    (wheel,) = wheels.glob("otel_mesh_telemetry-*.whl")
    shown = subprocess.run(
        [sys.executable, "-m", "zipfile", "-l", str(wheel)], capture_output=True, text=True, check=True
    ).stdout
    assert "py.typed" in shown
    assert "licenses/LICENSE" in shown
    assert PROJECT["readme"] == "README.md"
    pythons = {one.rpartition(" ")[2] for one in PROJECT["classifiers"] if "Python :: 3." in one}
    assert pythons == {"3.11", "3.12", "3.13", "3.14"}
    assert "Python 3.11 to 3.14" in README
