"""The Kubernetes provider as a plugin in a private PULUMI_HOME."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_mesh_cli.core import files
from otel_mesh_embedded.toolchain.ensuring import path
from otel_mesh_embedded.toolchain.programs import owner

if TYPE_CHECKING:
    from pathlib import Path

PROVIDER = "pulumi-resource-kubernetes"


def install_plugin(pulumi_home: Path) -> None:
    """Put the Kubernetes provider where the Pulumi CLI looks for plugins, once.

    The result is that of ``pulumi plugin install resource kubernetes VERSION --file PROGRAM``, with a link in place of
    a copy of 200 MB. Without it the CLI warns that it uses a provider on PATH.

    Args:
        pulumi_home: folder that PULUMI_HOME names.

    Raises:
        CommandError: the provider could not be built.
    """
    program = path(PROVIDER)
    folder = pulumi_home / "plugins" / f"resource-kubernetes-{owner(PROVIDER).version}"
    folder.mkdir(parents=True, exist_ok=True)
    files.link(folder / PROVIDER, program)
