"""Toolchains that the Python index has as wheels, by a lock of hashes, unpacked into the cache once per version."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from otel_mesh_cli.core import files
from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.paths import cache_dir, repo_dir

_PIP = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
_STRICT = ("--no-deps", "--only-binary=:all:", "--require-hashes")


def kept(what: str, wheel: str, lock: str) -> Path | None:
    """The folder of a wheel's files, if it was fetched before; arguments as of `unpacked`.

    Raises:
        CommandError: the lock names no version.
    """
    home = _home(what, wheel, lock)
    return home if home.exists() else None


def unpacked(what: str, wheel: str, lock: str, *, needed: str, remedy: str) -> Path:
    """The folder of a wheel's files, fetched where it is not there yet.

    Args:
        what: it holds, as people call it; the cache's folder has its name.
        wheel: its name in the index.
        lock: the file below requirements/ that pins it.
        needed: why it is fetched.
        remedy: what to do where it cannot be.

    Raises:
        CommandError: the lock names no version, or pip cannot fetch it.
    """
    home = _home(what, wheel, lock)
    if home.exists():
        return home
    version, place = home.name, _lock(lock)
    print(f"toolchain: {needed}, fetching {what} {version}", file=sys.stderr, flush=True)
    home.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home.parent, prefix=".unpack-") as scratch:
        target = Path(scratch) / "unpacked"
        command = [*_PIP, *_STRICT, "--target", str(target), "-r", str(place)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            reason = (done.stderr.strip() or "pip failed").splitlines()[-1]
            raise CommandError(f"{what} {version}: not on PATH and pip could not fetch it: {reason}", remedy=remedy)
        files.place(target, home)
    return home


def _home(what: str, wheel: str, lock: str) -> Path:
    """Where the version that the lock names is unpacked."""
    place = _lock(lock)
    version = re.search(rf"^{re.escape(wheel)}==([^\s;]+)", place.read_text(), re.MULTILINE)
    if version is None:
        raise CommandError(f"{place}: no line {wheel}==", remedy="restore the file")
    return cache_dir() / what.lower() / version[1]


def _lock(name: str) -> Path:
    return repo_dir() / "requirements" / name
