"""What this distribution gives the command `otel-mesh`: the entry point of the group `otel_mesh.embedded`.

Every method imports what it needs: a command that asks for the charts alone does not load the node.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from rich.console import Console
    from typer import Typer

    from otel_mesh_cli.core import embedded
    from otel_mesh_cli.core.errors import CommandError
    from otel_mesh_cli.core.output import Answer
    from otel_mesh_cli.stacks.pulumi_cli import Workspace


class _Local:
    def workspace(self) -> Workspace:
        from otel_mesh_embedded.environment import workspace

        return workspace.local()

    def up(self, console: Console) -> None:
        from otel_mesh_embedded.environment import up

        up.run(console)

    def down(self, say: Callable[[str], None], *, purge: bool) -> None:
        from otel_mesh_embedded.environment import purge as purging
        from otel_mesh_embedded.node import cluster

        if purge:
            purging.run(say)
        else:
            cluster.stop(say)

    def status(self) -> Answer:
        from otel_mesh_embedded.environment import status

        return status.answer()

    def env(self) -> Mapping[str, str]:
        from otel_mesh_embedded.environment import env

        return env.settings()

    def require_running(self) -> None:
        from otel_mesh_embedded.environment import health

        health.require_running()

    def explained(self, error: CommandError) -> CommandError:
        from otel_mesh_embedded.environment import health

        return health.explained(error)

    def gateway_authority(self) -> Path:
        from otel_mesh_embedded.environment import gateway_certificate

        return gateway_certificate.authority()


class Entry:
    """Fulfils `otel_mesh_cli.core.embedded.Embedded`."""

    @property
    def programs(self) -> embedded.Programs:
        """Programs from PATH, upstream's releases or Go modules."""
        from otel_mesh_embedded import toolchain

        return toolchain

    @property
    def charts(self) -> embedded.Charts:
        """Charts out of Istio's Go module."""
        from otel_mesh_embedded.toolchain import charts

        return charts

    @property
    def images(self) -> embedded.Images:
        """Images made by buildah."""
        from otel_mesh_embedded import images

        return images

    @property
    def local(self) -> embedded.Local:
        """The environment of this machine."""
        return _Local()

    def commands(self) -> Typer:
        """The commands below ``otel-mesh node``."""
        from otel_mesh_embedded.commands import app

        return app


ENTRY: Final[embedded.Embedded] = Entry()
