"""The real Pulumi CLI on a project folder outside the checkout, for one test."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from local.pulumi_cli import make_project

if TYPE_CHECKING:
    from collections.abc import Mapping

STACK = "local"
CANARY = "canary-4f1d9c7e-Tr0ub4dor"
"""The password of the tests: must be found nowhere."""
IMAGES = {
    "api-gateway": "example.invalid/api-gateway:1.0",
    "user-service": "example.invalid/user-service:1.0",
    "postgres": "example.invalid/postgres:15",
}


@dataclass(frozen=True)
class Step:
    """What the engine did, or would do, to one resource."""

    op: str
    type: str
    name: str
    diff: tuple[str, ...]

    @property
    def place(self) -> str:
        """Kind and name, e.g. ``Deployment jaeger``."""
        return f"{self.type.rsplit(':', 1)[-1]} {self.name}"


class Project:
    """A stack of this checkout with a state, a home and a configuration of its own."""

    def __init__(self, folder: Path, programs: Path, home: Path, kubeconfig: Path) -> None:
        self.folder = make_project(folder / "project")
        self.backend = folder / "backend"
        self.images_file = folder / "images.json"
        self.secrets_dir = folder / "secrets"
        self.backend.mkdir()
        self.secrets_dir.mkdir()
        self.images_file.write_text(json.dumps(IMAGES))
        (self.secrets_dir / "postgres-password").write_text(f"{CANARY}\n")
        (self.secrets_dir / "passphrase").write_text("engine-tests\n")
        self._pulumi = programs / "pulumi"
        self._environment = {
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), str(programs), "/usr/bin", "/bin"]),
            "HOME": str(folder),
            "KUBECONFIG": str(kubeconfig),
            "PULUMI_HOME": str(home),
            "PULUMI_BACKEND_URL": f"file://{self.backend}",
            "PULUMI_CONFIG_PASSPHRASE_FILE": str(self.secrets_dir / "passphrase"),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_DISABLE_REGISTRY_RESOLVE": "true",
            "PULUMI_DEBUG_COMMANDS": "true",  # --event-log
            "PULUMI_IGNORE_AMBIENT_PLUGINS": "true",
            "PULUMI_STACK": STACK,
            "OTEL_MESH_IMAGES_FILE": str(self.images_file),
            "OTEL_MESH_SECRETS_DIR": str(self.secrets_dir),
            "PYTHONWARNINGS": "error",
        }
        self.output: list[str] = []
        """Everything that the CLI ever wrote."""

    @property
    def stack_file(self) -> Path:
        """The stack's configuration."""
        return self.folder / f"Pulumi.{STACK}.yaml"

    def run(self, *words: str, check: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
        """Runs the CLI; with ``check`` a failure is the test's."""
        done = subprocess.run(
            [self._pulumi, *words, "--non-interactive", "--color=never"],
            cwd=self.folder,
            env={**self._environment, **environment},
            capture_output=True,
            text=True,
            timeout=170,
            check=False,
        )
        self.output += [done.stdout, done.stderr]
        assert not check or done.returncode == 0, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def settings(self) -> dict[str, Any]:
        """The stack's settings, as its file has them."""
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

    def preview(self) -> list[Step]:
        """The plan: every step that is not ``same``."""
        plan = json.loads(self.run("preview", "--json").stdout)
        return [_step(step["op"], step) for step in plan["steps"] if step["op"] != "same"]

    def up(self, *flags: str) -> list[Step]:
        """Applies the program and returns the steps that were not ``same``."""
        events = self.folder.parent / "events.jsonl"
        events.unlink(missing_ok=True)
        self.run("up", "--yes", "--skip-preview", f"--event-log={events}", *flags)
        found = [json.loads(line) for line in events.read_text().splitlines()]
        done = [event["resOutputsEvent"]["metadata"] for event in found if "resOutputsEvent" in event]
        return [_step(step["op"], step) for step in done if step["op"] not in {"same", "read"}]

    def state(self) -> dict[str, Any]:
        """The stack's checkpoint as it is stored."""
        content: dict[str, Any] = json.loads(self.state_file.read_text())
        return content

    @property
    def state_file(self) -> Path:
        """Where the stack's checkpoint is."""
        return self.backend / ".pulumi" / "stacks" / "otel-mesh" / f"{STACK}.json"

    def resources(self) -> list[str]:
        """URNs in the state; none where there never was an update."""
        found = self.state()["checkpoint"].get("latest", {}).get("resources", [])
        return [resource["urn"] for resource in found]


def _step(op: str, step: Mapping[str, Any]) -> Step:
    *_, resource_type, name = step["urn"].split("::")
    detailed = step.get("detailedDiff") or {}
    return Step(op, resource_type.rsplit("$", 1)[-1], name, tuple(sorted(detailed)))


def counted(steps: list[Step]) -> dict[str, int]:
    """How many steps of each kind."""
    return dict(Counter(step.op for step in steps))
