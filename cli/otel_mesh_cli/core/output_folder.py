"""Folders that commands write: replaced as a whole, and never if they hold other files."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from otel_mesh_cli.core import files
from otel_mesh_cli.core.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Mapping

_READABLE = 0o644


def mark(command: str) -> str:
    """First words of a command's index file, by which it recognizes its own folders."""
    return f"# Written by `{command}`"


def named(out: str, command: str, index: str, example: str) -> Path:
    """The folder of a command's option `--out`, which the command may replace.

    Args:
        out: Value of the option.
        command: Command, such as ``otel-mesh render``.
        index: Name of the file that begins with the command's `mark`.
        example: Whole command, for the error message.

    Raises:
        CommandError: The option is empty, or the folder holds other files.
    """
    if not out:
        raise CommandError("--out: not given", remedy=f"name the folder to write: {example}")
    target = Path(out).absolute()
    if target.is_dir() and (not any(target.iterdir()) or _is_ours(target / index, command)):
        return target
    if target.exists() or target.is_symlink():
        raise CommandError(f"--out {target}: holds files that `{command}` did not write", remedy="name another folder")
    return target


def _is_ours(index: Path, command: str) -> bool:
    return index.is_file() and index.read_text().startswith(mark(command))


def replace(target: Path, contents: Mapping[str, str]) -> None:
    """Replace the contents of a folder, atomically.

    Args:
        target: Folder, which need not exist.
        contents: Text of each file by path in the folder.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
    try:
        for name, content in contents.items():
            path = fresh / name
            path.parent.mkdir(parents=True, exist_ok=True)
            files.write(path, content, mode=_READABLE)
        for path in (fresh, *(one for one in fresh.rglob("*") if one.is_dir())):
            path.chmod(0o755)
        old = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
        try:
            if target.exists():
                target.rename(old / "old")
            fresh.rename(target)
        finally:
            shutil.rmtree(old)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
