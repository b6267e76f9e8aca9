"""The programs and the Go modules that they are built from, as programs.toml lists them."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from otel_mesh_cli.core.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

MODULES: Final = Path(__file__).parent / "modules"

TAGS: Final = (
    "grpcnotrace",
    "retrynotrace",
    "disable_pgv",
    "remove_all_sd",
    "enable_kubernetes_sd",
    "enable_dns_sd",
)
"""Build tags, the same for all programs, so that a package shared by two programs is compiled once.

They leave out gRPC's request traces, generated validators, and the service discoveries of Prometheus that are not for
clusters.
"""


@dataclass(frozen=True)
class Build:
    """A module folder and the programs built from it."""

    folder: Path
    """Folder with go.mod, go.sum and, where upstream has no main package to build, main.go."""
    module: str
    """Upstream module whose version in go.mod is the version of the programs; empty if there is none."""
    packages: Mapping[str, str]
    """Main package by program; where one ``go build`` makes several programs, each is named after its package."""
    stamps: Sequence[str] = ()
    """``variable=value`` for the linker, with ``{version}``, ``{number}`` (without v), ``{major}`` and ``{minor}``."""
    release: str = ""
    """Version for people, where the module's is a pseudo-version or counts differently."""
    files: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Module and path by program, for scripts and data that are copied out of a module."""
    embeds: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Module and path by name, for files that main.go embeds."""
    added: Sequence[str] = ()
    """Empty files missing from the module that it cannot be compiled without: it is compiled from a copy with them."""
    minutes: float = 0.2
    """Duration on two cores, alone and with empty caches."""

    @property
    def programs(self) -> tuple[str, ...]:
        """Names of everything this build makes."""
        return (*self.packages, *self.files)

    @property
    def version(self) -> str:
        """The release as ``v1.2.3``.

        Raises:
            CommandError: go.mod does not require the module.
        """
        if self.release or not self.module:
            return self.release or "v0"
        text = (self.folder / "go.mod").read_text()
        found = re.search(rf"^(?:require )?\s*{re.escape(self.module)} (v\S+)", text, re.MULTILINE)
        if found is None:
            raise CommandError(f"{self.folder / 'go.mod'}: does not require {self.module}", remedy="restore the file")
        return found[1]


def _build(fields: dict[str, Any]) -> Build:
    given = {"packages": {}, **fields, "folder": MODULES / fields["folder"]}
    for name in ("files", "embeds"):
        given[name] = {key: tuple(pair) for key, pair in fields.get(name, {}).items()}
    return Build(**given)


LISTED: Final = tomllib.loads(Path(__file__).with_name("programs.toml").read_text())
BUILDS: Final[tuple[Build, ...]] = tuple(_build(fields) for fields in LISTED["build"])


def _group(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(name for word in words for name in LISTED["groups"].get(word, (word,)))


GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    **{name: _group(words) for name, words in LISTED["groups"].items()},
    "all": tuple(program for build in BUILDS for program in build.programs if program != "ocb"),
}
"""Programs by the name of a group."""


def owner(name: str, builds: Iterable[Build] = BUILDS) -> Build:
    """The build that makes a program.

    Raises:
        CommandError: there is no such program.
    """
    for build in builds:
        if name in build.programs:
            return build
    raise CommandError(f"program {name!r}: not one of the toolchain's", remedy="see `otel-mesh node toolchain --list`")


def expand(words: Iterable[str], builds: Iterable[Build] = BUILDS) -> tuple[str, ...]:
    """Names of groups and programs as programs, once each, in the order of the builds.

    Raises:
        CommandError: a word is neither.
    """
    builds = tuple(builds)
    wanted = {name for word in words for name in GROUPS.get(word, (word,))}
    for name in wanted:
        owner(name, builds)
    return tuple(program for build in builds for program in build.programs if program in wanted)
