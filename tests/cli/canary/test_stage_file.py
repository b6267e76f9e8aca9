"""B13: the stage in a stack's file: one number is replaced, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from otel_mesh_cli.canary import stage_file
from otel_mesh_cli.core.errors import CommandError

if TYPE_CHECKING:
    from pathlib import Path

PATH = ("services", "orders", "traffic", "canary", "weight")
TEXT = """\
config:
  otel-mesh:settings:
    cluster: { context: here }   # kept as it is
    services:
      orders:
        traffic: {canary: {version: v2, "weight": 5, stages: [1, 5, 25]}}  # ümlaut
"""


def test_b13_only_the_number_changes(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.dev.yaml"
    file.write_text(TEXT, encoding="utf-8")
    file.chmod(0o640)
    assert stage_file.write(file, PATH, 25) == 6
    assert file.read_text(encoding="utf-8") == TEXT.replace('"weight": 5', '"weight": 25')
    assert file.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("wrong", ['"weight": five', '"wait": 5', '"weight": {a: 1}'])
def test_b13_a_file_without_the_number_is_refused_and_left_alone(tmp_path: Path, wrong: str) -> None:
    file = tmp_path / "Pulumi.dev.yaml"
    file.write_text(TEXT.replace('"weight": 5', wrong), encoding="utf-8")
    with pytest.raises(CommandError, match=r"traffic\.canary\.weight: should be a whole number"):
        stage_file.write(file, PATH, 25)
    assert wrong in file.read_text(encoding="utf-8")
