"""Files of built programs in the cache, and their keys."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from otel_mesh_cli.core import files
from otel_mesh_cli.core.paths import cache_dir
from otel_mesh_embedded.toolchain.golang import COMPILER_FLAGS, FLAGS, LINKER_FLAGS
from otel_mesh_embedded.toolchain.programs import TAGS

if TYPE_CHECKING:
    import tarfile
    from collections.abc import Mapping
    from pathlib import Path

    from otel_mesh_embedded.toolchain.golang import Go
    from otel_mesh_embedded.toolchain.programs import Build


def tools_dir() -> Path:
    """Folder of all built programs."""
    return cache_dir() / "tools"


def linker_flags(build: Build) -> str:
    """Value of ``-ldflags``."""
    version = build.version
    number = version.removeprefix("v")
    major, minor, *_ = number.split(".")
    names = {"version": version, "number": number, "major": major, "minor": minor}
    return " ".join([*LINKER_FLAGS, *(f"-X {stamp.format(**names)}" for stamp in build.stamps)])


def key(build: Build, go: Go) -> str:
    """Version and a hash of everything that the programs are made from.

    Those are the module folder (go.sum pins every source), the flags, the files taken out of modules, and Go's release.
    """
    inputs = {
        "folder": {
            str(path.relative_to(build.folder)): sha256(path)
            for path in sorted(build.folder.rglob("*"))
            if path.is_file()
        },
        "flags": [*FLAGS, *COMPILER_FLAGS, linker_flags(build), *TAGS],
        "packages": dict(build.packages),
        "copies": [dict(build.files), dict(build.embeds)],
        "go": go.name,
    }
    return f"{build.version}-{files.key_of(json.dumps(inputs, sort_keys=True))}"


def path(program: str, build: Build, go: Go) -> Path:
    """File of a program; it exists if and only if the program was built completely."""
    return tools_dir() / program / key(build, go) / program


def sha256(file: Path) -> str:
    """SHA-256 of a file's content in hexadecimal digits."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """A member of an archive without owner and time, so that archives depend on names, modes and content alone."""
    member.uid = member.gid = member.mtime = 0
    member.uname = member.gname = ""
    return member


def store(built: Path, target: Path) -> None:
    """Move a finished file to its place in one step, executable for all."""
    built.chmod(0o755)
    target.parent.mkdir(parents=True, exist_ok=True)
    built.replace(target)


def link_folder(programs: Mapping[str, Path]) -> Path:
    """A folder with a link per program; the same programs give the same folder, which never changes.

    Our own programs get hard links: the Pulumi CLI and its language host look for their companions beside the file
    that the kernel reports. Programs on PATH have their companions beside them and get symbolic links.
    """
    return files.folder_of_links(tools_dir() / "bin", programs, _link)


def _link(place: Path, file: Path) -> None:
    if file.is_relative_to(tools_dir()):
        place.hardlink_to(file)
    else:
        place.symlink_to(file)
