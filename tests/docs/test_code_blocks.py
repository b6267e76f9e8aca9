"""Code in README and docs is right: Python is type-checked, settings are parsed, commands and targets exist."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import yaml

from otel_mesh.catalog.model import Catalog
from otel_mesh.core.errors import parse
from otel_mesh_cli.core.paths import repo_dir
from otel_mesh_stack.model import StackSettings
from otel_mesh_stack.services import CATALOG
from tests.docs.pages import Block, blocks

if TYPE_CHECKING:
    from pathlib import Path

PYTHON = list(blocks("python"))
SETTINGS = list(blocks("yaml"))
"""Whole stack files, or some settings of one."""
REST = {
    "environment": "production",
    "cluster": {"context": "prod", "name": "prod"},
    "postgres": {"existing_secret": "postgres-credentials"},
    "redis": {"existing_secret": "redis-credentials"},
}


def test_python_blocks_pass_the_type_checker(tmp_path: Path) -> None:
    """All in one run: most of its time goes into reading the libraries."""
    assert len(PYTHON) >= 3
    names = {f"block_{number}.py": block for number, block in enumerate(PYTHON)}
    for name, block in names.items():
        (tmp_path / name).write_text(block.text)
    command = [sys.executable, "-m", "mypy", "--config-file", str(repo_dir() / "pyproject.toml"), "--strict"]
    done = subprocess.run(
        [*command, *(str(tmp_path / name) for name in names)],
        capture_output=True,
        text=True,
        cwd=repo_dir(),
        check=False,
    )
    told = re.sub(r"^.*?(block_\d+\.py)", lambda found: names[found[1]].place, done.stdout, flags=re.MULTILINE)
    assert done.returncode == 0, told + done.stderr


def _entry() -> Block:
    (found,) = (block for block in PYTHON if block.text.startswith("{"))
    return found


def test_the_service_to_add_fits_into_the_catalog() -> None:
    entry = ast.literal_eval(_entry().text)
    present = CATALOG.model_dump(mode="json", exclude_defaults=True)
    catalog = parse(Catalog, {**present, "services": [*present["services"], entry]})
    assert catalog.service("stock-service").port not in {service.port for service in CATALOG.services}


@pytest.mark.parametrize("block", SETTINGS, ids=[block.place for block in SETTINGS])
def test_settings_are_those_of_a_stack(block: Block) -> None:
    found = yaml.safe_load(block.text)
    values = found["config"]["otel-mesh:settings"] if "config" in found else {**REST, **found}
    assert parse(StackSettings, values).cluster.context
