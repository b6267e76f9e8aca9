"""What this distribution gives the command `otel-mesh`: the entry point of the group `otel_mesh.embedded`.

Every method imports what it needs: a command that asks for the charts alone does not load the node.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from rich.console import Console
    from typer import Typer

    from otel_mesh_cli.core import embedded
    from otel_mesh_cli.core.errors import CommandError
    from otel_mesh_cli.core.output import Answer
    from otel_mesh_cli.stacks.pulumi_cli import Workspace


class _Programs:
    def folder(self, names: Sequence[str], say: Callable[[str], None] | None = None) -> Path:
        from otel_mesh_embedded import toolchain

        chosen = toolchain.choices(names)
        if say is not None:
            for line in toolchain.summary(chosen):
                say(line)
        return toolchain.link(chosen)

    def present(self, names: Sequence[str]) -> Mapping[str, Path]:
        from otel_mesh_embedded import toolchain

        return toolchain.here(names)

    def install_plugin(self, pulumi_home: Path) -> None:
        from otel_mesh_embedded import toolchain

        toolchain.install_pulumi_plugin(pulumi_home)


class _Images:
    def make(self, names: Iterable[str] | None = None, *, service_base: str | None = None) -> dict[str, str]:
        from otel_mesh_embedded import images

        return images.ensure(names, service_base=service_base)

    def publish(self, references: Mapping[str, str], registry: str, say: Callable[[str], None]) -> dict[str, str]:
        from otel_mesh_embedded import images

        return images.publish(references, registry, say)

    def digest(self, reference: str) -> str | None:
        from otel_mesh_embedded.images.skopeo import Skopeo

        return Skopeo().digest(reference)

    def archive(self, reference: str) -> Path:
        from otel_mesh_embedded import images

        return images.archive(reference)

    def store_versions(self) -> dict[str, str]:
        from otel_mesh_embedded import images

        return images.store_versions()


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
        return _Programs()

    @property
    def charts(self) -> embedded.Charts:
        """Charts out of Istio's Go module."""
        from otel_mesh_embedded.toolchain import charts

        return charts

    @property
    def images(self) -> embedded.Images:
        """Images made by buildah."""
        return _Images()

    @property
    def local(self) -> embedded.Local:
        """The environment of this machine."""
        return _Local()

    def commands(self) -> Typer:
        """The commands below ``otel-mesh node``."""
        from otel_mesh_embedded.commands import app

        return app


ENTRY: Final[embedded.Embedded] = Entry()
