"""A Python environment outside the checkout with the library's wheel, as in a team's project."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

from otel_mesh_cli.core.paths import repo_dir


def build(project: str, folder: Path) -> Path:
    """Builds the wheel of a distribution of this checkout, without a network."""
    words = ["wheel", "--no-deps", "--no-build-isolation", "--no-index", f"--wheel-dir={folder}"]
    _pip([*words, str(repo_dir() / project)])
    (wheel,) = folder.glob("*.whl")
    return wheel


def make(folder: Path, wheel: Path) -> Path:
    """Creates a virtual environment with the wheel; returns its Python interpreter.

    Third-party packages are those of the tests, by a path entry. Python does not process the .pth links to the
    checkout's packages in such an entry.
    """
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)}))
    words = ["install", "--quiet", "--no-deps", "--no-index", "--no-compile", f"--target={packages}"]
    _pip([*words, str(wheel)])
    (packages / "third_party.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


def _pip(words: list[str]) -> None:
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    done = subprocess.run([*pip, *words], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
