"""The stage of a canary in a stack's file: one number, replaced in place."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import yaml

from otel_mesh_cli.core import files
from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.stacks import stack_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def write(file: Path, path: Sequence[str], weight: int) -> int:
    """Replace a number below the settings of a stack's file; every other byte of the file stays.

    Args:
        file: The stack's file.
        path: Keys below the settings, the outermost first.
        weight: The new value.

    Returns:
        Line of the number, from 1.

    Raises:
        CommandError: The file has no number at that path, or cannot be written.
    """
    text = file.read_text(encoding="utf-8")
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    for key in ("config", stack_file.SETTINGS, *path):
        node = _below(node, key)
    if not isinstance(node, yaml.ScalarNode) or node.tag != "tag:yaml.org,2002:int":
        raise CommandError(f"{file}: {'.'.join(path)}: should be a whole number", remedy="write it into the file")
    start, end = node.start_mark, node.end_mark
    files.write(file, f"{text[: start.index]}{weight}{text[end.index :]}", mode=stat.S_IMODE(file.stat().st_mode))
    return int(start.line) + 1


def _below(node: yaml.Node | None, key: str) -> yaml.Node | None:
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((value for name, value in node.value if name.value == key), None)
