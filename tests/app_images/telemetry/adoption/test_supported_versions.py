"""The library's own tests on every supported Python in reach, and with the oldest OpenTelemetry that it takes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Final

import pytest

from otel_mesh_cli.core.paths import repo_dir

LIBRARY = repo_dir() / "app_images" / "telemetry"
PROJECT = tomllib.loads((LIBRARY / "pyproject.toml").read_text())["project"]
OLDEST: Final = ("1.43.0", "0.64b0")
"""Releases of the stable packages and of the instrumentations that appeared together."""
COMBINATIONS = [("3.11", "oldest"), ("3.12", "locked"), ("3.13", "locked"), ("3.14", "locked")]

# What the tests themselves need beside the library and its extras.
_TOOLS = ("pytest", "pytest-asyncio", "hypothesis", "cryptography", "starlette", "fastapi", "uvicorn")
# What old releases of OpenTelemetry want older than the lock has it.
_BOUND = (
    "opentelemetry-",
    "fastapi",
    "grpcio",
    "protobuf",
    "googleapis-common-protos",
    "importlib-metadata",
    "wrapt",
    "packaging",
)
# Tests of other parts of the checkout, which need its other distributions, and what measures this machine.
_OTHERS = re.compile(
    r"^ *(?:from|import) (?:otel_mesh|otel_mesh_stack|otel_mesh_cli|otel_mesh_embedded|service_kit|"
    r"tests\.app_images\.services|tests\.programs|tests\.built)\b",
    re.MULTILINE,
)
_MEASURING = {"test_library.py"}
NEWER: Final = (
    # 1.45 gives a process that forks an instance id of its own; before it, one that forks after `init` keeps the id.
    "tests/app_images/telemetry/test_instances.py::test_a_process_that_forks_after_its_start_gets_an_id_from_the_sdk",
    # The lock's release of the conventions is the newest; the oldest supported one has an older schema.
    "tests/app_images/telemetry/test_semantic_conventions.py::test_the_schema_is_the_newest_that_is_installed",
)
"""Tests of what the oldest release does not do, each with what that means."""


def interpreter(version: str) -> str | None:
    """A Python of the version: the one that runs this, on PATH, or pyenv's newest."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    found = sorted(pyenv.glob(f"{version}.*/bin/python"), key=lambda path: int(path.parts[-3].rpartition(".")[2]))
    for candidate in (sys.executable, shutil.which(f"python{version}"), *(str(path) for path in reversed(found))):
        if candidate is None:
            continue
        asked = [candidate, "-c", "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2])"]
        answer = subprocess.run(asked, capture_output=True, text=True, check=False)
        if answer.stdout.strip() == version:
            return candidate
    return None


def files() -> list[str]:
    folder = repo_dir() / "tests" / "app_images" / "telemetry"
    return [
        str(path.relative_to(repo_dir()))
        for path in sorted(folder.glob("test_*.py"))
        if path.name not in _MEASURING
        and not _OTHERS.search(path.read_text())
        and "built: Built" not in path.read_text()
    ]


def constraints(sdk: str) -> str:
    """Versions as in our lock; with the oldest OpenTelemetry instead of the lock's where that is asked for."""
    locked = re.findall(r"^([a-z0-9-]+)==([^ ]+)", (repo_dir() / "requirements" / "dev.txt").read_text(), re.MULTILINE)
    chosen = {name: version for name, version in locked if sdk == "locked" or not name.startswith(_BOUND)}
    if sdk == "oldest":
        stable, unstable = OLDEST
        for name in ("api", "sdk", "exporter-otlp", "propagator-b3", "proto"):
            chosen[f"opentelemetry-{name}"] = stable
        for name in ("instrumentation", "instrumentation-logging", "semantic-conventions"):
            chosen[f"opentelemetry-{name}"] = unstable
    return "".join(f"{name}=={version}\n" for name, version in chosen.items())


@pytest.mark.index
@pytest.mark.versions
@pytest.mark.parametrize(("version", "sdk"), COMBINATIONS)
def test_the_library_passes_its_tests(version: str, sdk: str, tmp_path: Path) -> None:
    python = interpreter(version)
    if python is None:
        pytest.skip(f"Python {version} is not on this machine: put python{version} on PATH, or into pyenv")
    (tmp_path / "constraints.txt").write_text(constraints(sdk))
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "PYTHON", "PYTEST"))}

    def run(*command: str) -> str:
        done = subprocess.run(
            command, cwd=repo_dir(), env=environment, capture_output=True, text=True, timeout=900, check=False
        )
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]
        return done.stdout

    run(python, "-m", "venv", str(tmp_path / "venv"))
    own = str(tmp_path / "venv" / "bin" / "python")
    pip = (
        own,
        "-m",
        "pip",
        "--quiet",
        "--disable-pip-version-check",
        "install",
        "-c",
        str(tmp_path / "constraints.txt"),
    )
    library = f"otel-mesh-telemetry[b3,grpc,httpx,psycopg,redis] @ {LIBRARY.as_uri()}"
    run(*pip, library, "psycopg[binary]", "grpcio-health-checking>=1.70", *_TOOLS)
    newer = [f"--deselect={test}" for test in NEWER] if sdk == "oldest" else []
    # The checkout's own conftest.py asks for its other distributions.
    plugins = ("-p", "no:cacheprovider", "-p", "tests.property_tests")
    told = run(own, "-m", "pytest", "--noconftest", *plugins, "-q", *newer, *files())
    passed = re.search(r"(\d+) passed", told)
    assert passed is not None
    assert int(passed[1]) > 100, told


def test_the_oldest_release_is_the_one_that_the_package_asks_for() -> None:
    stable, unstable = OLDEST
    wanted = {re.split(r"[<>=]", one)[0]: one for one in PROJECT["dependencies"] if one.startswith("opentelemetry-")}
    assert wanted["opentelemetry-sdk"].startswith(f"opentelemetry-sdk>={stable.removesuffix('.0')},")
    assert wanted["opentelemetry-instrumentation-logging"].partition(",")[0].endswith(f">={unstable}")


def test_every_python_that_the_package_names_is_tried() -> None:
    named = {one.rpartition(" ")[2] for one in PROJECT["classifiers"] if "Python :: 3." in one}
    assert named == {version for version, _ in COMBINATIONS}
