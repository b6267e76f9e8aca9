"""The real programs that tests run. A test takes those that are here; `python -m tests.built` gets what is missing.

They are built out of Go modules, fetched from the Debian archive, or, for Istio's charts, copied out of a module.

    python -m tests.built         what `make test` runs
    python -m tests.built --up    and then what `make up` does: the other programs, and the images (root)
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_embedded import packages, toolchain
from otel_mesh_embedded.environment import up
from otel_mesh_embedded.images import buildah, making
from otel_mesh_embedded.toolchain import charts, golang
from tests import envoy_gateway, linkerd_charts

if TYPE_CHECKING:
    from pathlib import Path


GROUP: Final = "test"
DEBIAN: Final = (("docker-registry",), ("postgresql",), ("redis-server",), making.SKOPEO, buildah.PACKAGES)
REMEDY: Final = "run `make test`, which gets it first (alone: .venv/bin/python -m tests.built)"


class Built:
    """Finds programs; an instance is the fixture `built`, whose use marks a test as one of `programs`.

    All methods raise CommandError, with the remedy, for what is not here.
    """

    def __call__(self, *names: str) -> Path:
        """A folder that holds programs of the toolchain's group `test`, or all of such a group."""
        wanted = toolchain.GROUPS[GROUP] if names == (GROUP,) else names
        if unknown := set(wanted) - set(toolchain.GROUPS[GROUP]):
            raise CommandError(
                f"programs {', '.join(sorted(unknown))}: not of the toolchain's group {GROUP}",
                remedy="add them in embedded/otel_mesh_embedded/toolchain/programs.py",
            )
        try:
            return toolchain.link(toolchain.present(wanted))
        except CommandError as error:
            raise CommandError(error.message, remedy=REMEDY) from error

    def debian(self, package: str) -> Path:
        """The prefix of a Debian package, one of `DEBIAN`."""
        (group,) = (one for one in DEBIAN if package in one)
        if (prefix := packages.here(group)) is None:
            raise CommandError(f"Debian package {package}: not unpacked here", remedy=REMEDY)
        return prefix

    def charts(self) -> Path:
        """Istio's charts."""
        if not (folder := charts.folder()).is_dir():
            raise CommandError("Istio's charts: not here", remedy=REMEDY)
        return folder

    def linkerd_charts(self) -> Path:
        """Linkerd's charts, of an older release than the default."""
        if not (folder := linkerd_charts.folder()).is_dir():
            raise CommandError("Linkerd's charts: not here", remedy=REMEDY)
        return folder

    def envoy_gateway(self) -> Path:
        """Definitions of Envoy Gateway's kinds."""
        if not (folder := envoy_gateway.folder()).is_dir():
            raise CommandError("Envoy Gateway's definitions: not here", remedy=REMEDY)
        return folder

    def go(self) -> Path:
        """The Go command that builds programs."""
        try:
            return golang.find().command
        except CommandError as error:  # tests reach no index
            raise CommandError(f"Go: not here ({error.message})", remedy=REMEDY) from error


def get() -> None:
    """Get everything: first what is only fetched.

    Raises:
        CommandError: something cannot be fetched or built.
    """
    for group in DEBIAN:
        packages.ensure(group)
    charts.ensure()
    linkerd_charts.ensure()
    envoy_gateway.ensure()
    toolchain.folder((GROUP,))


if __name__ == "__main__":
    try:
        get()
        if sys.argv[1:] == ["--up"]:
            up.prepare(print)
    except CommandError as failure:
        sys.exit(f"otel-mesh: {failure}")
