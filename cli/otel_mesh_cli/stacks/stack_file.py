"""Stack files of the checkout. People edit them, so every command reports a mistake in one line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, TypeVar

import yaml

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.paths import repo_dir

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

LOCAL: Final = "local"
"""The stack of the embedded environment, whose file every command about that reads."""
SETTINGS: Final = "otel-mesh:settings"
"""The key of a stack file under which the settings stand."""
NAMES: Final = re.compile(r"Pulumi\.([a-z0-9-]+)\.yaml")
_CONFIG: Final = "config"
_WORDS: Final = {dict: "a mapping of keys to values", str: "text"}

ValueT = TypeVar("ValueT", dict[str, Any], str)


def require(stack: str) -> Path:
    """The checkout's file of a stack.

    Raises:
        CommandError: there is none; the message names those that there are.
    """
    file = repo_dir() / f"Pulumi.{stack}.yaml"
    if not file.is_file():
        known = sorted(m[1] for p in repo_dir().glob("Pulumi.*.yaml") if (m := NAMES.fullmatch(p.name)))
        remedy = "restore it from the repository" if stack == LOCAL else f"use one of {', '.join(known)}"
        raise CommandError(f"stack {stack!r}: the checkout has no {file.name}", remedy=remedy)
    return file


def content(file: Path) -> dict[str, Any]:
    """All that a stack file holds, with a mapping of settings in it.

    Raises:
        CommandError: it cannot be read, or is something else.
    """
    try:
        found = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror}", remedy="make it a file that you may read") from None
    except (yaml.YAMLError, ValueError) as error:  # not UTF-8; a date that is none
        mark = error.problem_mark if isinstance(error, yaml.MarkedYAMLError) else None
        place = f":{mark.line + 1}" if mark else ""
        raise CommandError(f"{file}{place}: not YAML", remedy="fix the file") from None
    whole = _typed(file, "", found, dict)
    value(file, whole, _CONFIG, SETTINGS, kind=dict, default=None)
    return whole


def settings(stack: str) -> dict[str, Any]:
    """The settings in the checkout's file of a stack, unchecked.

    Raises:
        CommandError: as of `require` and `content`.
    """
    found: dict[str, Any] = content(require(stack))[_CONFIG][SETTINGS]
    return found


def value(file: Path, mapping: Mapping[str, Any], *path: str, kind: type[ValueT], default: ValueT | None) -> ValueT:
    """One value of a file.

    Args:
        file: it stands in, for the message.
        mapping: what that holds.
        path: keys, the outermost first.
        kind: of value that is wanted.
        default: what stands for one that is not there, or null; None where it must be.

    Raises:
        CommandError: it is of another kind, or what encloses it is no mapping, or it is missing.
    """
    place: Any = mapping
    for depth, key in enumerate(path):
        place = _typed(file, ".".join(path[:depth]), place, dict).get(key)
        if place is None:
            if default is not None:
                return default
            name = ".".join(path[: depth + 1])
            raise CommandError(f"{file}: {name}: required but missing", remedy="add it")
    return _typed(file, ".".join(path), place, kind)


def _typed(file: Path, name: str, found: object, kind: type[ValueT]) -> ValueT:
    if isinstance(found, kind):
        return found
    raise wrong(file, name, _WORDS[kind])


def wrong(file: Path, name: str, wanted: str) -> CommandError:
    """What is said of a value that is of no use.

    Args:
        file: it stands in.
        name: its keys, dotted; empty for all that the file holds.
        wanted: what should stand there, after the words "should be".
    """
    where = f"{name}: " if name else ""
    return CommandError(f"{file}: {where}should be {wanted}", remedy="fix the file")
