"""Whether an update has anything to do: neither its inputs nor the cluster changed since the last one succeeded.

The engine takes 20 s to find out the same of some hundred objects, as it diffs each of them, definitions of custom
resources of a megabyte among them. The record holds digests and times only, never a value.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from otel_mesh_cli.core import files
from otel_mesh_cli.core.paths import repo_dir

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from otel_mesh_cli.stacks.pulumi_cli import Workspace

_PROGRAM: Final = ("otel_mesh", "otel_mesh_stack")
"""Packages that the stack's program is made of."""
_DISTRIBUTIONS: Final = ("pulumi", "pulumi-kubernetes", "pydantic")
_READ_BY_THE_PROGRAM: Final = "OTEL_MESH_"


def fingerprint(workspace: Workspace, stack: str, tools: Path) -> str:
    """A digest of everything that decides what an update does, but for the cluster itself.

    Args:
        workspace: Workspace of the stack, whose project folder is up to date.
        stack: Name of the stack.
        tools: Folder of the programs.
    """
    digest = hashlib.sha256()
    for part in _parts(workspace, stack, tools):
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()


def _parts(workspace: Workspace, stack: str, tools: Path) -> Iterator[bytes]:
    yield from (f"{name} {importlib.metadata.version(name)}".encode() for name in _DISTRIBUTIONS)
    yield from (str(path.resolve()).encode() for path in sorted(tools.iterdir()))
    plugins = workspace.home / "plugins"
    yield from (str(path.resolve()).encode() for path in sorted(plugins.glob("*")))
    yield from _content(workspace.project / f"Pulumi.{stack}.yaml")
    yield from _content(repo_dir() / "Pulumi.yaml")
    for package in _PROGRAM:
        spec = find_spec(package)
        assert spec is not None  # noqa: S101 -- the command depends on both
        for place in spec.submodule_search_locations or ():
            yield from _content(Path(place))
    given = {name: value for name, value in os.environ.items() if name.startswith(_READ_BY_THE_PROGRAM)}
    yield from _variables({**given, **workspace.variables})


def _variables(variables: Mapping[str, str]) -> Iterator[bytes]:
    """Names, values, and what lies where they point to; a secret's file counts by its time of change."""
    for name, value in sorted(variables.items()):
        yield f"{name}={value}".encode()
        # the plugins are listed above; of a kubeconfig only its path is part of a state
        if value.startswith("/") and name not in {"PULUMI_HOME", "KUBECONFIG"}:
            for path in _files(Path(value)):
                about = path.stat()
                yield f"{path} {about.st_size} {about.st_mtime_ns} {about.st_ino}".encode()


def _content(place: Path) -> Iterator[bytes]:
    for path in _files(place):
        if path.suffix != ".pyc":
            yield str(path).encode()
            yield path.read_bytes()


def _files(place: Path) -> list[Path]:
    """The file itself, or all files of a folder; none where nothing is."""
    return [path for path in (place, *sorted(place.rglob("*"))) if path.is_file()]


def remember(workspace: Workspace, stack: str, inputs: str, objects: str | None) -> None:
    """Write down that an update with these inputs succeeded, the state that it left, and the objects.

    Args:
        workspace: Workspace of the stack.
        stack: Name of the stack.
        inputs: `fingerprint` taken before that update.
        objects: `drift.versions` after it; None: not known, nothing is written down.
    """
    if objects is not None and (state := _state(workspace, stack)) is not None:
        record = {"inputs": inputs, "state": state, "objects": objects}
        files.write(_record(workspace, stack), json.dumps(record))


def forget(workspace: Workspace, stack: str) -> None:
    """Remove the record: an update begins."""
    _record(workspace, stack).unlink(missing_ok=True)


def is_recorded(workspace: Workspace, stack: str, inputs: str, objects: str | None) -> bool:
    """Whether the last update had these inputs, succeeded, and nobody wrote to its state or its objects since.

    Controllers go on writing to objects after the engine has read them, istiod to its webhooks for one: hence the
    objects are compared with what they were after the update, not with the engine's state.
    """
    try:
        record = json.loads(_record(workspace, stack).read_text())
    except (OSError, ValueError):
        return False
    return bool(record == {"inputs": inputs, "state": _state(workspace, stack), "objects": objects})


def _record(workspace: Workspace, stack: str) -> Path:
    return workspace.folder / f"unchanged-{stack}.json"


def _state(workspace: Workspace, stack: str) -> str | None:
    file = workspace.state_file(stack)
    if file is None or not file.is_file():
        return None
    return hashlib.sha256(file.read_bytes()).hexdigest()
