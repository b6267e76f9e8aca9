"""Built programs as one file, for machines that should not compile them again: CI, or a machine without network."""

from __future__ import annotations

import io
import json
import re
import shutil
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.files import locked
from otel_mesh_embedded import root_only
from otel_mesh_embedded.toolchain import artefacts, ensuring, golang
from otel_mesh_embedded.toolchain.programs import BUILDS, expand, owner

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from otel_mesh_embedded.toolchain.programs import Build

_CONTENTS: Final = "contents.json"
_FORMAT: Final = 1
_LARGEST_LIST: Final = 1 << 20
_CHUNK: Final = 1 << 20
_NAME: Final = re.compile(r"[\w.+-]+/[\w.+-]+/[\w.+-]+")


def export(target: Path, names: Iterable[str] = ("all",), *, builds: Sequence[Build] = BUILDS) -> int:
    """Write programs built from modules into one file; missing ones are built first.

    Args:
        target: ``.tar.gz`` file; it is replaced in one step.
        names: programs or groups.
        builds: builds from Go modules.

    Returns:
        Number of programs in the file.

    Raises:
        CommandError: a build failed, or the folder does not exist.
    """
    if not target.parent.is_dir():
        raise CommandError(f"{target.parent}: no such folder", remedy="make it, or name another file")
    programs = expand(names, builds)
    ensuring.build(programs, builds=builds)
    go = golang.find()
    files = {name: artefacts.path(name, owner(name, builds), go) for name in programs}
    listed = {str(file.relative_to(artefacts.tools_dir())): artefacts.sha256(file) for file in files.values()}
    contents = json.dumps({"format": _FORMAT, "go": go.name, "files": listed}, indent=1).encode()
    fresh = target.with_name(f".{target.name}.new")
    try:
        with tarfile.open(fresh, "w:gz", compresslevel=1) as tar:
            member = artefacts.plain(tarfile.TarInfo(_CONTENTS))
            member.size = len(contents)
            tar.addfile(member, io.BytesIO(contents))
            for file in files.values():
                tar.add(file, str(file.relative_to(artefacts.tools_dir())), filter=artefacts.plain)
        fresh.replace(target)
    finally:
        fresh.unlink(missing_ok=True)
    return len(files)


def import_(source: Path) -> int:
    """Take over the programs of an exported file, each only if it has the hash that the file lists.

    Returns:
        Number of programs that were not here before.

    Raises:
        CommandError: the file was not exported by this command, is damaged, was made for another architecture or Go
            release, or could be changed by another user while root imports it. Programs taken over before the damage
            was found stay, as they are complete.
    """
    root_only.require(source, remedy="copy it to a folder that only root can write, as root")
    taken = 0
    artefacts.tools_dir().mkdir(parents=True, exist_ok=True)
    try:
        with (
            locked(artefacts.tools_dir() / ".locks" / "import"),
            tempfile.TemporaryDirectory(dir=artefacts.tools_dir(), prefix=".import-") as scratch,
            tarfile.open(source, "r|gz") as tar,
        ):
            listed = _contents(tar, source)
            while (member := tar.next()) is not None:  # iterating would begin with the list again
                stream = tar.extractfile(member) if member.isreg() else None
                if stream is None or member.name not in listed:
                    raise _damaged(source, f"{member.name} is not listed in it")
                fresh = Path(scratch) / "program"
                with fresh.open("wb") as written:
                    shutil.copyfileobj(stream, written, _CHUNK)
                if artefacts.sha256(fresh) != listed.pop(member.name):
                    raise _damaged(source, f"{member.name} has another hash than the one it lists")
                target = artefacts.tools_dir() / member.name
                if not target.exists():
                    artefacts.store(fresh, target)
                    taken += 1
            if listed:
                raise _damaged(source, f"{len(listed)} programs that it lists are missing")
    except FileNotFoundError:
        raise CommandError(
            f"{source}: no such file", remedy="name a file that `otel-mesh node toolchain --export` wrote"
        ) from None
    except (tarfile.TarError, EOFError, OSError, ValueError) as error:
        raise _damaged(source, str(error) or type(error).__name__) from None
    return taken


def _contents(tar: tarfile.TarFile, source: Path) -> dict[str, str]:
    first = tar.next()
    stream = tar.extractfile(first) if first and first.name == _CONTENTS and first.size < _LARGEST_LIST else None
    if stream is None:
        raise _damaged(source, "it does not begin with its list of contents")
    found: Any = json.load(stream)
    if not isinstance(found, dict) or found.get("format") != _FORMAT or not isinstance(found.get("files"), dict):
        raise _damaged(source, "its list of contents has another format")
    if found.get("go") != (go := golang.find().name):
        raise CommandError(
            f"{source}: built with {found.get('go')}, but this machine has {go}, whose programs have other keys",
            remedy="export it from a machine with the same Go release and architecture",
        )
    if any(not _NAME.fullmatch(name) or ".." in name for name in found["files"]):
        raise _damaged(source, "it names places outside the cache")
    return dict(found["files"])


def _damaged(source: Path, reason: str) -> CommandError:
    return CommandError(
        f"{source}: damaged, or not from `otel-mesh node toolchain --export`: {reason}", remedy="export it again"
    )
