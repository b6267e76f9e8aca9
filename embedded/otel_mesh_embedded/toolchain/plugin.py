"""The Kubernetes provider as a plugin in a private PULUMI_HOME."""

from __future__ import annotations

import tempfile
from pathlib import Path

from otel_mesh_embedded.toolchain.ensuring import path
from otel_mesh_embedded.toolchain.programs import owner

PROVIDER = "pulumi-resource-kubernetes"


def install_pulumi_plugin(pulumi_home: Path) -> Path:
    """Put the Kubernetes provider where the CLI looks for plugins, once.

    Same result as ``pulumi plugin install resource kubernetes VERSION --file PROGRAM``, with a link in place of 200 MB,
    so a PULUMI_HOME of a test costs nothing. Without it the CLI warns that it uses a provider from PATH.

    Args:
        pulumi_home: the folder that PULUMI_HOME names.

    Returns:
        The plugin's folder.

    Raises:
        CommandError: the provider could not be built.
    """
    program = path(PROVIDER)
    folder = pulumi_home / "plugins" / f"resource-kubernetes-{owner(PROVIDER).version}"
    link = folder / PROVIDER
    if link.is_symlink() and link.readlink() == program:
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=pulumi_home, prefix=".plugin-") as scratch:
        fresh = Path(scratch) / PROVIDER
        fresh.symlink_to(program)
        fresh.replace(link)
    return folder
