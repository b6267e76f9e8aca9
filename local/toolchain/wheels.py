"""Toolchains that the Python index has as wheels, by a lock of hashes, unpacked into the cache once per version."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from local import files
from local.errors import LocalError
from local.paths import cache_dir, repo_dir

_PIP = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
_STRICT = ("--no-deps", "--only-binary=:all:", "--require-hashes")


def unpacked(what: str, wheel: str, lock: str, *, needed: str, remedy: str) -> Path:
    """The folder of a wheel's files, fetched where it is not there yet.

    Args:
        what: it holds, as people call it; the cache's folder has its name.
        wheel: its name in the index.
        lock: the file below requirements/ that pins it.
        needed: why it is fetched.
        remedy: what to do where it cannot be.

    Raises:
        LocalError: the lock names no version, or pip cannot fetch it.
    """
    place = repo_dir() / "requirements" / lock
    version = re.search(rf"^{re.escape(wheel)}==([^\s;]+)", place.read_text(), re.MULTILINE)
    if version is None:
        raise LocalError(f"{place}: no line {wheel}==", remedy="restore the file")
    home = cache_dir() / what.lower() / version[1]
    if home.exists():
        return home
    print(f"toolchain: {needed}, fetching {what} {version[1]}", file=sys.stderr, flush=True)
    home.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home.parent, prefix=".unpack-") as scratch:
        target = Path(scratch) / "unpacked"
        command = [*_PIP, *_STRICT, "--target", str(target), "-r", str(place)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            reason = (done.stderr.strip() or "pip failed").splitlines()[-1]
            raise LocalError(f"{what} {version[1]}: not on PATH and pip could not fetch it: {reason}", remedy=remedy)
        files.place(target, home)
    return home
