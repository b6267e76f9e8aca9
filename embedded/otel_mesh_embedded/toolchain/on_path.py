"""Programs on PATH: whether one may take the place of a pinned one."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from otel_mesh_cli.core.paths import cache_dir, state_dir
from otel_mesh_cli.core.run import run
from otel_mesh_embedded import root_only

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from otel_mesh_embedded.toolchain.releases import Number, Offer, OnPath

_ANSWER_SECONDS: Final = 10
_VERSION: Final = re.compile(r"\bv?(\d+)\.(\d+)\.(\d+)\b")
_ELF: Final = b"\x7fELF"


@dataclass(frozen=True)
class Look:
    """Programs of an offer on PATH: all of them, or none."""

    files: Mapping[str, Path] = field(default_factory=dict)
    version: str = ""
    refused: str = ""
    """Why programs that are on PATH are not taken; empty if there are none."""


def look(offer: Offer) -> Look:
    """Look for the programs of an offer on PATH."""
    found = _which(offer.programs[0]) if offer.on_path else None
    if found is None or offer.on_path is None:
        return Look()
    if reason := next(_reasons(found, offer, offer.on_path), None):
        return Look(refused=reason)
    return Look(_files(found, offer), ".".join(map(str, _version(found, offer.on_path) or ())))


def any_version(name: str) -> Path | None:
    """A program on PATH that root may run; None if there is none."""
    found = _which(name)
    return None if found is None or root_only.objection(found) else found


def _reasons(found: Path, offer: Offer, rule: OnPath) -> Iterator[str]:
    """Why a program on PATH is not taken; whether root may run it is asked before it is run."""
    if reason := root_only.objection(found):
        yield f"{found} is not run by root: {reason}"
    if not _is_program(found):
        yield f"{found} is a script in front of the program: what it starts may depend on the folder"
    version = _version(found, rule)
    if version is None:
        yield f"{found} does not tell its version"
    elif not fits(version, numbers(offer.version), rule):
        yield f"{found} is {'.'.join(map(str, version))}, not {wanted_versions(offer)}: {rule.because}"
    for name, file in _files(found, offer).items():
        if not file.exists():
            yield f"{found} has no {name} beside it"
        elif reason := root_only.objection(file):
            yield f"{file} is not run by root: {reason}"


def _files(found: Path, offer: Offer) -> dict[str, Path]:
    return {name: found.resolve().with_name(name) for name in offer.programs} | {offer.programs[0]: found}


def numbers(version: str) -> Number:
    """``v1.2.3`` as (1, 2, 3)."""
    found = _VERSION.search(version)
    return tuple(int(part) for part in found.groups()) if found else ()


def fits(version: Number, pinned: Number, rule: OnPath) -> bool:
    """Whether a version may take the place of the pinned one."""
    if rule.fits == "exact":
        return version == pinned
    if rule.fits == "minor":
        return version[0] == pinned[0] and abs(version[1] - pinned[1]) <= 1
    return version[0] == pinned[0] and version >= pinned


def wanted_versions(offer: Offer) -> str:
    """The accepted versions in words."""
    pinned = numbers(offer.version)
    if offer.on_path is None or offer.on_path.fits == "exact":
        return ".".join(map(str, pinned))
    if offer.on_path.fits == "minor":
        return f"{pinned[0]}.{pinned[1] - 1} to {pinned[0]}.{pinned[1] + 1}"
    return f"{'.'.join(map(str, pinned))} or a later {pinned[0]}.x"


def _which(name: str) -> Path | None:
    """First program of a name on PATH, leaving out our own folders, which `make env` puts there."""
    ours = (cache_dir().resolve(), state_dir().resolve())
    folders = [
        folder
        for folder in os.environ.get("PATH", os.defpath).split(os.pathsep)
        if folder and not any(Path(folder).resolve().is_relative_to(place) for place in ours)
    ]
    found = shutil.which(name, path=os.pathsep.join(folders))
    return Path(found) if found else None


def _is_program(file: Path) -> bool:
    with file.open("rb") as stream:
        return stream.read(len(_ELF)) == _ELF


def _version(file: Path, rule: OnPath) -> Number | None:
    return _answer(file, rule.ask, file.stat().st_mtime_ns)


@cache
def _answer(file: Path, ask: tuple[str, ...], changed: int) -> Number | None:  # noqa: ARG001 -- another file, another answer
    done = run([file, *ask], timeout=_ANSWER_SECONDS)
    return numbers(done.stdout) or None if done.ok else None
