"""The shell settings with which a person works on the embedded environment by hand."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING

from otel_mesh_cli.core import files
from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.paths import repo_dir, state_dir
from otel_mesh_cli.stacks.addresses import ADDRESSES
from otel_mesh_cli.stacks.stack_mesh import stack_mesh
from otel_mesh_embedded import toolchain
from otel_mesh_embedded.node import gateway_certificate, workspace

if TYPE_CHECKING:
    from pathlib import Path


def settings() -> dict[str, str]:
    """Names and values, without any secret: those are read from files that the values name.

    Raises:
        CommandError: `make up` has not made the environment yet, or not with this checkout's programs: every shell asks
            for the settings, so they are never fetched or built here.
    """
    kubeconfig = state_dir() / "kubeconfig"
    if not kubeconfig.exists():
        raise CommandError(f"{kubeconfig}: not there, the environment was never up", remedy="run `make up` first")
    tools = toolchain.link(toolchain.present(stack_mesh().programs))
    path = [str(_commands()), str(repo_dir() / ".venv" / "bin"), str(tools)]
    path += [part for part in os.environ.get("PATH", "").split(os.pathsep) if part not in path]
    return {
        "PATH": os.pathsep.join(path),
        "PULUMI_STACK": "local",
        **workspace.local().variables,
        **{address.url_variable: address.url for address in ADDRESSES},
        **{address.page_variable: address.page for address in ADDRESSES if address.page},
        **({"GATEWAY_CA": str(gateway_certificate.authority())} if stack_mesh().gateway_tls else {}),
    }


def _commands() -> Path:
    """The folder of our own `pulumi`, which works from any folder and never writes a salt into the checkout."""
    folder = state_dir() / "bin"
    folder.mkdir(parents=True, exist_ok=True)
    script = folder / "pulumi"
    text = f"""#!/bin/sh
cd {shlex.quote(str(repo_dir()))} && exec .venv/bin/otel-mesh pulumi --stack "${{PULUMI_STACK:-local}}" -- "$@"
"""
    files.write(script, text, mode=0o755)
    return folder
