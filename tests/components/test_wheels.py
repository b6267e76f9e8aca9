"""C2: the distributions are complete, and the library works without the checkout."""

from __future__ import annotations

import subprocess
import zipfile
from typing import TYPE_CHECKING

import pytest

from otel_mesh_cli.core.paths import repo_dir
from tests.engine import wheel_venv

if TYPE_CHECKING:
    from pathlib import Path

DISTRIBUTIONS = {"components": "otel_mesh", "app_images/telemetry": "src/otel_mesh_telemetry"}


@pytest.mark.parametrize("project", DISTRIBUTIONS)
def test_a_wheel_holds_every_file_of_the_package_and_the_licence(project: str, tmp_path: Path) -> None:
    package = repo_dir() / project / DISTRIBUTIONS[project]
    told = subprocess.run(["git", "ls-files", "."], cwd=package, capture_output=True, text=True, check=True)
    expected = {f"{package.name}/{name}" for name in told.stdout.split()}
    assert f"{package.name}/py.typed" in expected
    with zipfile.ZipFile(wheel_venv.build(project, tmp_path)) as wheel:
        names = {name for name in wheel.namelist() if ".dist-info/" not in name}
        assert {name for name in names if not name.endswith((".py", ".typed"))} <= expected
        assert expected - names == set()
        (licence,) = (name for name in wheel.namelist() if name.endswith("/licenses/LICENSE"))
        assert wheel.read(licence) == (repo_dir() / "LICENSE").read_bytes()


def test_the_installed_library_needs_no_checkout(tmp_path: Path) -> None:
    wheel = wheel_venv.build("components", tmp_path)
    python = wheel_venv.make(tmp_path / "venv", wheel)
    code = "import otel_mesh; [getattr(otel_mesh, name) for name in dir(otel_mesh)]; print(otel_mesh.__file__)"
    done = subprocess.run(
        [python, "-W", "error", "-c", code], capture_output=True, text=True, cwd=tmp_path, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(tmp_path))
    stack = subprocess.run([python, "-c", "import otel_mesh_stack"], capture_output=True, cwd=tmp_path, check=False)
    assert stack.returncode != 0
