"""Puts a stack's configuration where the program reads it, without an engine."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pulumi
import yaml

from local.paths import repo_dir
from tests.components.pulumi_program import Mocks

if TYPE_CHECKING:
    from pathlib import Path

CONTEXT = "otel-mesh-local"
PASSWORD = "canary-8c2e77-password"  # noqa: S105 - a test's
UID = "5f0c5b1e-7d1c-4f0e-9a55-0c9d2f6b1a77"
"""Of the cluster that every context leads to."""
IMAGES = {"api-gateway": "example.invalid/api-gateway:1.0", "user-service": "example.invalid/user-service:1.0"}
NODE = {"cni_bin_dir": "/srv/node/bin", "cni_conf_dir": "/srv/node/net.d", "cni_conf_name": "10-bridge.conflist"}


def stack_settings(stack: str) -> dict[str, Any]:
    """The settings that a stack's file in the checkout holds."""
    content = yaml.safe_load((repo_dir() / f"Pulumi.{stack}.yaml").read_text())
    settings: dict[str, Any] = content["config"]["otel-mesh:settings"]
    return settings


def use(settings: object, stack: str = "local") -> Mocks:
    """Makes these the settings of the current stack; returns what records its resources."""
    mocks = Mocks()
    pulumi.runtime.set_mocks(mocks, project="otel-mesh", stack=stack)
    pulumi.runtime.set_all_config({} if settings is None else {"otel-mesh:settings": json.dumps(settings)})
    return mocks


def surroundings(folder: Path, contexts: tuple[str, ...] = (CONTEXT,)) -> dict[str, str]:
    """Files that a stack's program finds through the environment."""
    (folder / "secrets").mkdir()
    (folder / "secrets" / "postgres-password").write_text(f"{PASSWORD}\n")
    (folder / "images.json").write_text(json.dumps(IMAGES))
    (folder / "kubeconfig").write_text(yaml.safe_dump({"contexts": [{"name": name} for name in contexts]}))
    (folder / "node.json").write_text(json.dumps(NODE))
    return {
        "KUBECONFIG": str(folder / "kubeconfig"),
        "OTEL_MESH_IMAGES_FILE": str(folder / "images.json"),
        "OTEL_MESH_SECRETS_DIR": str(folder / "secrets"),
        "OTEL_MESH_NODE_FILE": str(folder / "node.json"),
    }
