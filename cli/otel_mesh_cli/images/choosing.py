"""Who builds: the first of the user's programs that works, else the embedded distribution, unless one is named."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Final, Literal, get_args

from otel_mesh_cli.core import embedded
from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.images.builder import Builder, EmbeddedBuilder, ProgramBuilder
from otel_mesh_cli.images.programs import PROGRAMS

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_mesh_cli.images.program import ImageProgram

BuilderName = Literal["auto", "docker", "podman", "buildah", "embedded"]
NAMES: Final[tuple[BuilderName, ...]] = get_args(BuilderName)


def choose(asked: BuilderName, say: Callable[[str], None], *, everything: bool = False) -> Builder:
    """The builder to use.

    Args:
        asked: value of ``--builder``.
        say: called with which one was found, and why not those before it.
        everything: whether the platform's images are built too, which only the embedded distribution does.

    Raises:
        CommandError: the one that is named does not work, or none does.
    """
    if asked == "embedded" or everything:
        return _embedded("--images local" if everything else "--builder embedded")
    if asked != "auto":
        (kind,) = (kind for kind in PROGRAMS if kind.name == asked)
        return _require(kind)
    troubles: list[str] = []
    for kind in PROGRAMS:
        file = shutil.which(kind.name)
        program = kind(file) if file else None
        trouble = program.trouble() if program else "not on PATH"
        if program is not None and trouble is None:
            say(_told(kind.name, troubles))
            return ProgramBuilder(program)
        troubles.append(f"{kind.name}: {trouble}")
    if (found := embedded.find()) is not None:
        say(_told("the embedded distribution", troubles))
        return EmbeddedBuilder(found.images)
    raise CommandError(
        f"no program that builds images: {'; '.join(troubles)}",
        remedy=f"install or start one of them, or, on Debian as root: {embedded.INSTALL}",
    )


def _embedded(option: str) -> Builder:
    if (found := embedded.find()) is None:
        raise CommandError(
            f"{option}: needs the distribution otel-mesh-embedded, which is not installed",
            remedy=f"{embedded.INSTALL} (it builds on Debian, as root), or leave {option} out",
        )
    return EmbeddedBuilder(found.images)


def _require(kind: type[ImageProgram]) -> Builder:
    file = shutil.which(kind.name)
    if file is None:
        raise CommandError(
            f"--builder {kind.name}: {kind.name} is not on PATH", remedy="install it, or leave --builder out"
        )
    program = kind(file)
    if trouble := program.trouble():
        raise CommandError(f"--builder {kind.name}: {trouble}", remedy=f"{kind.start}, or leave --builder out")
    return ProgramBuilder(program)


def _told(name: str, troubles: list[str]) -> str:
    installed = [trouble for trouble in troubles if not trouble.endswith("not on PATH")]
    return f"images are built with {name}" + (f" ({'; '.join(installed)})" if installed else "")
