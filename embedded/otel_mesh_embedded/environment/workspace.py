"""Where the Pulumi CLI works on stack `local`: everything is in the state folder, the state beside the cluster."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from otel_mesh_cli.core import files, secrets
from otel_mesh_cli.core.paths import state_dir
from otel_mesh_cli.stacks import pulumi_cli
from otel_mesh_cli.stacks.pulumi_cli import Workspace
from otel_mesh_cli.stacks.stack_mesh import stack_mesh
from otel_mesh_embedded.node.layout import layout
from otel_mesh_embedded.toolchain import charts

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def local() -> Workspace:
    """The workspace of stack `local`; nothing is fetched or built."""
    folder = state_dir() / "pulumi"
    backend = folder / "backend"
    own_charts = str(charts.folder()) if stack_mesh().kind == "istio" else ""  # Linkerd's are upstream's
    variables = {
        **pulumi_cli.own_home(folder / "home"),
        "PULUMI_BACKEND_URL": f"file://{backend}",
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(secrets.secrets_dir() / secrets.PASSPHRASE),
        "OTEL_MESH_IMAGES_FILE": str(images_file()),
        "OTEL_MESH_SECRETS_DIR": str(secrets.secrets_dir()),
        "OTEL_MESH_CHARTS_DIR": os.environ.get("OTEL_MESH_CHARTS_DIR") or own_charts,
        "OTEL_MESH_NODE_FILE": str(layout().node_file),
        "KUBECONFIG": str(state_dir() / "kubeconfig"),
    }
    return Workspace(folder, backend, state_dir() / "logs", variables)


def images_file() -> Path:
    """JSON object of the references of images that stack `local` runs, by name (OTEL_MESH_IMAGES_FILE)."""
    return state_dir() / "images.json"


def name_images(references: Mapping[str, str]) -> None:
    """Write `images_file`."""
    files.write(images_file(), json.dumps(references, indent=2, sort_keys=True) + "\n", mode=0o644)
