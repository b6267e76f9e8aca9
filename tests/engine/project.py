"""A stack of this checkout on the real engine, in a project folder outside it, for one test."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import yaml

from otel_mesh_cli.stacks.pulumi_cli import make_project
from otel_mesh_stack.services import CATALOG
from tests.engine.stack_program import Engine, StackProgram, Step, counted
from tests.infra.stack_config import PASSWORD_FILES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["CANARY", "IMAGES", "STACK", "Project", "Step", "counted"]

STACK = "local"
CANARY = "canary-4f1d9c7e-Tr0ub4dor"
"""Password of the tests; it must not appear anywhere."""
IMAGES = {
    **{service.name: f"example.invalid/{service.name}:1.0" for service in CATALOG.services},
    "postgres": "example.invalid/postgres:15",
    "redis": "example.invalid/redis:7",
}


class Project(StackProgram):
    """A stack of this checkout with a state, a home and a configuration of its own."""

    def __init__(self, folder: Path, programs: Path, home: Path, kubeconfig: Path) -> None:
        project = make_project(folder / "project")
        super().__init__(folder, Engine(programs, home, kubeconfig), ("otel-mesh", project), STACK)
        self.images_file = folder / "images.json"
        self.images_file.write_text(json.dumps(IMAGES))
        for name in PASSWORD_FILES:
            (self.secrets_dir / name).write_text(f"{CANARY}\n")
        for ending, block in (("crt", "CERTIFICATE"), ("key", "PRIVATE KEY")):
            body = CANARY if ending == "key" else "MA=="  # the certificate is shared
            pem = f"-----BEGIN {block}-----\n{body}\n-----END {block}-----\n"
            (self.secrets_dir / f"gateway.{ending}").write_text(pem)
        self.environment |= {
            "OTEL_MESH_IMAGES_FILE": str(self.images_file),
            "OTEL_MESH_SECRETS_DIR": str(self.secrets_dir),
        }

    @property
    def stack_file(self) -> Path:
        """The stack's configuration."""
        return self.folder / f"Pulumi.{STACK}.yaml"

    def settings(self) -> dict[str, Any]:
        """The settings in the stack's file."""
        settings: dict[str, Any] = yaml.safe_load(self.stack_file.read_text())["config"]["otel-mesh:settings"]
        return settings

    def configure(self, changes: Mapping[str, object]) -> None:
        """Sets settings by dotted path; the encryption salt stays."""
        content = yaml.safe_load(self.stack_file.read_text())
        for path, value in changes.items():
            *parents, last = path.split(".")
            place = content["config"]["otel-mesh:settings"]
            for parent in parents:
                place = place.setdefault(parent, {})
            place[last] = value
        self.stack_file.write_text(yaml.safe_dump(content, sort_keys=False))
