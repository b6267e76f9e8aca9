"""The Kubernetes provider as a plugin in a private PULUMI_HOME."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_mesh_cli.core import path_programs
from otel_mesh_embedded.toolchain.ensuring import path
from otel_mesh_embedded.toolchain.programs import owner

if TYPE_CHECKING:
    from pathlib import Path


def install_plugin(pulumi_home: Path) -> None:
    """Put the Kubernetes provider where the Pulumi CLI looks for plugins, once.

    Without it the CLI warns that it uses a provider on PATH.

    Raises:
        CommandError: the provider could not be built.
    """
    version, program = owner(path_programs.PROVIDER).version, path(path_programs.PROVIDER)
    path_programs.link_plugin(pulumi_home, version, program)
