"""What the distribution `otel-mesh-embedded` gives the command, and what holds where it is not installed.

The command never imports that distribution: it finds it by an entry point of the group `otel_mesh.embedded`.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Final, Protocol

from otel_mesh_cli.core.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from rich.console import Console
    from typer import Typer

    from otel_mesh_cli.core.output import Answer
    from otel_mesh_cli.stacks.pulumi_cli import Workspace

GROUP: Final = "otel_mesh.embedded"
"""Entry point group; one distribution registers one object that fulfils `Embedded`."""
INSTALL: Final = "pip install otel-mesh-embedded"


class Programs(Protocol):
    """Programs that commands run."""

    def folder(self, names: Sequence[str], say: Callable[[str], None] | None = None) -> Path:
        """A folder that holds the programs, for PATH.

        Args:
            names: programs such as ``kubectl``, or ``engine`` for all that the Pulumi CLI consists of.
            say: called with a line about where programs come from.

        Raises:
            CommandError: a program is missing; the remedy says how to install it.
        """

    def available(self, names: Sequence[str]) -> Mapping[str, Path]:
        """Those of the programs that are on this machine, by name; nothing is fetched or built.

        Args:
            names: programs such as ``promtool``.
        """

    def install_plugin(self, pulumi_home: Path) -> None:
        """Put the Kubernetes provider into a folder that PULUMI_HOME names.

        Raises:
            CommandError: the provider is missing.
        """


class Charts(Protocol):
    """Istio's Helm charts and the Gateway API's definitions, where their repositories are out of reach."""

    def version(self) -> str:
        """Istio release of the charts, without a v."""

    def folder(self) -> Path:
        """Folder of the charts, which need not exist yet."""

    def ensure(self) -> Path:
        """Make the folder if it is missing.

        Raises:
            CommandError: the charts cannot be fetched.
        """


class Images(Protocol):
    """Images of the services and of the platform, made from this machine's packages and programs."""

    def make(self, names: Iterable[str] | None = None, *, service_base: str | None = None) -> dict[str, str]:
        """Make the images that are missing.

        Args:
            names: images; by default all that stack ``local`` runs.
            service_base: image of a registry, named by its digest, that the services are built on.

        Returns:
            Local reference by image name.

        Raises:
            CommandError: an image cannot be made.
        """

    def skopeo(self) -> tuple[Path, Mapping[str, str]]:
        """File of skopeo, and environment variables that it needs.

        Raises:
            CommandError: its package is not available.
        """

    def archive(self, reference: str) -> Path:
        """Image that was made, as a file in the format of `docker save`.

        Args:
            reference: local reference, as `make` returns them.
        """

    def store_versions(self) -> dict[str, str]:
        """Major versions of PostgreSQL and Redis in the images made here, by image name."""


class Local(Protocol):
    """Stack ``local``: the single-node Kubernetes on this machine and what runs on it."""

    def workspace(self) -> Workspace:
        """Where the Pulumi CLI works on stack ``local``; nothing is fetched or built."""

    def up(self, console: Console) -> None:
        """Bring everything up and show a trace.

        Raises:
            CommandError: something is missing or did not start.
        """

    def down(self, say: Callable[[str], None], *, purge: bool) -> None:
        """Stop everything; with ``purge`` remove the data too.

        Raises:
            CommandError: something cannot be stopped or removed.
        """

    def status(self) -> Answer:
        """Node, pods, addresses and stack as they are now."""

    def env(self) -> Mapping[str, str]:
        """Environment variables for a shell that works on the stack; none is a secret.

        Raises:
            CommandError: the environment was never up.
        """

    def require_running(self) -> None:
        """Refuse at once what would wait for a stopped environment.

        Raises:
            CommandError: the node is stopped.
        """

    def explained(self, error: CommandError) -> CommandError:
        """A failure together with its likely cause: the first thing that is wrong with the environment now."""

    def gateway_authority(self) -> Path:
        """PEM file of the authority that signed the gateway's certificate; it need not exist."""


class Embedded(Protocol):
    """All that the distribution gives."""

    @property
    def programs(self) -> Programs:
        """Programs from PATH, upstream's releases or Go modules."""

    @property
    def charts(self) -> Charts:
        """Charts out of Istio's Go module."""

    @property
    def images(self) -> Images:
        """Images made by buildah."""

    @property
    def local(self) -> Local:
        """The environment of this machine."""

    def commands(self) -> Typer:
        """The commands below ``otel-mesh node``."""


@cache
def find() -> Embedded | None:
    """The installed distribution, or None."""
    for entry in entry_points(group=GROUP):
        found: Embedded = entry.load()
        return found
    return None


def require(what: str) -> Embedded:
    """The installed distribution.

    Args:
        what: needs it, for the message.

    Raises:
        CommandError: it is not installed.
    """
    if (found := find()) is None:
        raise CommandError(
            f"{what}: needs the distribution otel-mesh-embedded, which is not installed",
            remedy=f"{INSTALL}, or name a stack on another cluster, e.g. --stack dev",
        )
    return found


def local() -> Local:
    """Stack ``local``.

    Raises:
        CommandError: the distribution is not installed.
    """
    return require("stack local").local


def programs() -> Programs:
    """Programs that commands run: the distribution's, else those on PATH."""
    found = find()
    if found is not None:
        return found.programs
    from otel_mesh_cli.core.path_programs import PathPrograms

    return PathPrograms()


def absent_program(name: str) -> str:
    """That a program is not among `Programs.present`, and the remedy.

    Args:
        name: the program.
    """
    if find() is None:
        return f"{name} is not on PATH: install it there"
    return f"{name} is neither on PATH nor built: `otel-mesh node toolchain {name}` provides it"


def charts() -> Charts | None:
    """Charts of this machine; None where the distribution is not installed: charts come from their repositories."""
    found = find()
    return found.charts if found is not None else None
