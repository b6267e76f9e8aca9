"""Configuration of a stack for its program, without an engine."""

from __future__ import annotations

import copy
import json
import os
from typing import TYPE_CHECKING, Any

import pulumi
import yaml

from otel_mesh_cli.core.paths import repo_dir
from otel_mesh_stack.services import CATALOG
from otel_mesh_stack.settings import Stack, read
from tests.components.pulumi_program import Mocks

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

CONTEXT = "otel-mesh-local"
PASSWORD = "canary-8c2e77-password"  # noqa: S105 - a test's
PASSWORD_FILES = ("postgres-password", "postgres-password-migrations", "postgres-password-services", "redis-password")
CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n"
PRIVATE_KEY = f"-----BEGIN PRIVATE KEY-----\n{PASSWORD}\n-----END PRIVATE KEY-----\n"
UID = "5f0c5b1e-7d1c-4f0e-9a55-0c9d2f6b1a77"
"""UID of the cluster of every context."""
IMAGES = {service.name: f"example.invalid/{service.name}:1.0" for service in CATALOG.services}
MESHED = {"mesh": {"kind": "istio", "node_from_file": True}}
NODE = {"cni_bin_dir": "/srv/node/bin", "cni_conf_dir": "/srv/node/net.d", "cni_conf_name": "10-bridge.conflist"}


def stack_settings(stack: str) -> dict[str, Any]:
    """The settings in a stack's file of the checkout."""
    content = yaml.safe_load((repo_dir() / f"Pulumi.{stack}.yaml").read_text())
    settings: dict[str, Any] = content["config"]["otel-mesh:settings"]
    return settings


def use(settings: object, stack: str = "local", beside: Mapping[str, Any] | None = None) -> Mocks:
    """Sets the settings of the current stack as the CLI does; returns the mocks that record its resources.

    Args:
        settings: Settings of the stack; None if the key is missing.
        stack: Name of the stack.
        beside: Further keys of its configuration.
    """
    mocks = Mocks()
    pulumi.runtime.set_mocks(mocks, project="otel-mesh", stack=stack)
    given = {**({} if settings is None else {"otel-mesh:settings": settings}), **(beside or {})}
    config = {key: json.dumps(value) for key, value in given.items()}
    os.environ["PULUMI_CONFIG"] = json.dumps(config)
    pulumi.runtime.set_all_config(config)
    return mocks


def surroundings(folder: Path, contexts: tuple[str, ...] = (CONTEXT,)) -> dict[str, str]:
    """Files named by environment variables of a stack's program."""
    (folder / "secrets").mkdir()
    for name in PASSWORD_FILES:
        (folder / "secrets" / name).write_text(f"{PASSWORD}\n")
    (folder / "secrets" / "gateway.crt").write_text(CERTIFICATE)
    (folder / "secrets" / "gateway.key").write_text(PRIVATE_KEY)
    (folder / "images.json").write_text(json.dumps(IMAGES))
    (folder / "kubeconfig").write_text(yaml.safe_dump({"contexts": [{"name": name} for name in contexts]}))
    (folder / "node.json").write_text(json.dumps(NODE))
    return {
        "KUBECONFIG": str(folder / "kubeconfig"),
        "OTEL_MESH_IMAGES_FILE": str(folder / "images.json"),
        "OTEL_MESH_SECRETS_DIR": str(folder / "secrets"),
        "OTEL_MESH_NODE_FILE": str(folder / "node.json"),
    }


def changed(**changes: object) -> dict[str, Any]:
    """The settings of stack ``local`` with changed values: ``cluster__context="x"``."""
    values = copy.deepcopy(stack_settings("local"))
    for path, value in changes.items():
        *parents, last = path.split("__")
        place = values
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = value
    return values


def accepted(values: object, stack: str = "local", beside: Mapping[str, Any] | None = None) -> Stack:
    """The stack as read by the program from these settings."""
    use(values, stack, beside)
    return read()


def refused(values: object, beside: Mapping[str, Any] | None = None) -> list[str]:
    """The mistakes for which the program refuses the settings and further keys."""
    use(values, beside=beside)
    try:
        read()
    except pulumi.RunError as error:
        headline, *mistakes = str(error).split("\n")
    else:
        raise AssertionError("the settings were accepted")
    count = f"{len(mistakes)} mistakes" if len(mistakes) > 1 else "1 mistake"
    assert headline == f"settings of stack 'local': {count}, nothing was changed"
    return [mistake.strip() for mistake in mistakes]
