"""Programs that the machine has already: which of them will do."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from otel_mesh_cli.core.paths import cache_dir, state_dir

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_mesh_embedded.toolchain.releases import Number, Offer, OnPath

_ANSWER_SECONDS = 10
_VERSION = re.compile(r"\bv?(\d+)\.(\d+)\.(\d+)\b")
_ELF = b"\x7fELF"


@dataclass(frozen=True)
class Look:
    """What PATH has of an offer: all its programs, or none with the reason if there is something."""

    files: Mapping[str, Path] = field(default_factory=dict)
    version: str = ""
    refused: str = ""


def look(offer: Offer) -> Look:
    """Look for an offer's programs on PATH."""
    found = _which(offer.programs[0]) if offer.on_path else None
    if found is None or offer.on_path is None:
        return Look()
    if not _is_program(found):
        return Look(refused=f"{found} is a script in front of the program: what it starts may depend on the folder")
    version = _version(found, offer.on_path.ask, found.stat().st_mtime_ns)
    if version is None:
        return Look(refused=f"{found} does not tell its version")
    number = ".".join(map(str, version))
    files = {name: found.resolve().with_name(name) for name in offer.programs} | {offer.programs[0]: found}
    missing = [name for name, file in files.items() if not file.exists()]
    refused = f"{found} has no {missing[0]} beside it" if missing else ""
    if not fits(version, numbers(offer.version), offer.on_path):
        refused = f"{found} is {number}, not {wanted_versions(offer)}: {offer.on_path.because}"
    return Look({} if refused else files, number, refused)


def numbers(version: str) -> Number:
    """``v1.2.3`` as (1, 2, 3)."""
    found = _VERSION.search(version)
    return tuple(int(part) for part in found.groups()) if found else ()


def fits(version: Number, pinned: Number, rule: OnPath) -> bool:
    """Whether a version will do in place of the pinned one."""
    if rule.fits == "exact":
        return version == pinned
    if rule.fits == "minor":
        return version[0] == pinned[0] and abs(version[1] - pinned[1]) <= 1
    return version[0] == pinned[0] and version >= pinned


def wanted_versions(offer: Offer) -> str:
    """The versions that will do, in words."""
    pinned = numbers(offer.version)
    if offer.on_path is None or offer.on_path.fits == "exact":
        return ".".join(map(str, pinned))
    if offer.on_path.fits == "minor":
        return f"{pinned[0]}.{pinned[1] - 1} to {pinned[0]}.{pinned[1] + 1}"
    return f"{'.'.join(map(str, pinned))} or a later {pinned[0]}.x"


def _which(name: str) -> Path | None:
    """The first of PATH that is not ours: `make env` puts our own folders there."""
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


@cache
def _version(file: Path, ask: tuple[str, ...], changed: int) -> Number | None:  # noqa: ARG001 -- another file, another answer
    try:
        done = subprocess.run(
            [file, *ask],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_ANSWER_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return numbers(done.stdout) or None if done.returncode == 0 else None
