"""The tree keeps its shape: modules stay small, and tests stand where their subject stands."""

from __future__ import annotations

import statistics
import subprocess
from pathlib import PurePath
from typing import Final

from otel_mesh_cli.core.paths import repo_dir

LONGEST: Final = 300
MEDIAN: Final = 150

OF_THEIR_OWN: Final = {"engine", "e2e"}
"""Folders of tests whose subject is everything together."""

DATA: Final = {"golden", "programs", "rules", "corpus", "fuzz", "adoption"}
"""Folders beside tests that hold what they work with."""

HOMES: Final = {
    "components": "components/otel_mesh",
    "infra": "infra/otel_mesh_stack",
    "cli": "cli/otel_mesh_cli",
    "embedded": "embedded/otel_mesh_embedded",
    "app_images/telemetry": "app_images/telemetry",
    "app_images/services": "app_images",
    "docs": "docs",
    "examples": "examples",
}
"""Folder of tests -> what mirrors it."""


def _tracked(*patterns: str) -> list[PurePath]:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns]
    listed = subprocess.run(command, capture_output=True, text=True, cwd=repo_dir(), check=True).stdout
    return [PurePath(name) for name in listed.splitlines() if (repo_dir() / name).exists()]


def _lengths() -> dict[str, int]:
    modules = [path for path in _tracked("*.py") if path.parts[0] != "tests" and "_pb2" not in path.name]
    assert len(modules) > 300
    return {str(path): len((repo_dir() / path).read_text().splitlines()) for path in modules}


def test_no_module_outgrows_what_a_reader_takes_in_at_once() -> None:
    assert {name: lines for name, lines in _lengths().items() if lines > LONGEST} == {}


def test_modules_are_short_in_general() -> None:
    assert statistics.median(_lengths().values()) <= MEDIAN


def test_tests_stand_where_their_subject_stands() -> None:
    """``tests/cli/oncall`` is about ``cli/otel_mesh_cli/oncall``."""
    folders = {path.parent.relative_to("tests") for path in _tracked("tests/**/test_*.py")} - {PurePath()}
    assert [str(one) for one in folders if not _has_a_home(one)] == []


def _has_a_home(folder: PurePath) -> bool:
    if folder.parts[0] in OF_THEIR_OWN or set(folder.parts) & DATA:
        return True
    return any(
        folder.is_relative_to(name) and (repo_dir() / home / folder.relative_to(name)).is_dir()
        for name, home in HOMES.items()
    )
