"""The Python of the services' .proto files is what their compiler makes of them."""

from __future__ import annotations

import runpy
from typing import TYPE_CHECKING

from otel_mesh_cli.core.paths import repo_dir

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = repo_dir() / "app_images" / "shop_api"


def test_the_generated_files_are_current(tmp_path: Path) -> None:
    made = runpy.run_path(str(FOLDER / "generate.py"))["generate"](tmp_path)
    committed = sorted(path for path in (FOLDER / "src").rglob("*_pb2*.py*") if path.suffix in {".py", ".pyi"})
    assert [path.relative_to(tmp_path) for path in made] == [path.relative_to(FOLDER / "src") for path in committed]
    for new, old in zip(made, committed, strict=True):
        assert new.read_text() == old.read_text(), f"{old}: `make proto` renews it"
