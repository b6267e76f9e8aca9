from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cli.images.stand_ins import Programs

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    """No program is on PATH but those that the test installs; see stand_ins.py."""
    made = Programs(tmp_path / "world")
    made.path.mkdir(parents=True)
    monkeypatch.setenv("PATH", str(made.path))
    monkeypatch.setenv("OTEL_MESH_CACHE", str(tmp_path / "cache"))
    return made
