"""A program of a few lines, built for real: everything but its size is as with the large ones."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from otel_mesh_embedded.toolchain import Build
from tests.embedded.toolchain.small_module import MAIN, STAMPS

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, go: Path) -> Path:
    """An empty cache of programs; Go is the one that is here, and its own caches stay the user's."""
    monkeypatch.setenv("PATH", str(go.parent), prepend=os.pathsep)
    monkeypatch.setenv("OTEL_MESH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def module_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "modules" / "hello"
    folder.mkdir(parents=True)
    (folder / "go.mod").write_text("module example.com/hello\n\ngo 1.26.0\n")
    (folder / "main.go").write_text(MAIN)
    return folder


@pytest.fixture
def small_build(module_folder: Path) -> Build:
    return Build(module_folder, "", {"hello": "."}, stamps=STAMPS, release="v1.2.3")
