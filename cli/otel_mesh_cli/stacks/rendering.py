"""A stack's program run without a cluster: the provider writes objects to files instead of creating them.

The result does not depend on the machine: the backend is temporary, no kubeconfig is read, and the program puts
placeholders in place of secrets.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from otel_mesh_cli.core import embedded, files
from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.run import last_line
from otel_mesh_cli.stacks import pulumi_cli, rendered_charts, stack_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

IMAGES_FILE = "OTEL_MESH_IMAGES_FILE"
_UNREACHABLE = (
    re.compile(r'looks like "(?P<place>[^"]+)" is not a valid chart repository or cannot be reached: (?P<cause>.+)'),
    re.compile(r'fetching YAML over network: Get "(?P<place>[^"]+)": (?P<cause>.+)'),
    rendered_charts.TOO_OLD,
)
_GROUPS = ("kubernetes:helm.sh/", "kubernetes:yaml/")
_WARNING = re.compile(r"^ +warning: (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Rendering:
    """A stack in a temporary workspace.

    Attributes:
        stack: Name of the stack.
        workspace: Workspace of the Pulumi CLI.
        objects: Folder that the provider writes objects to.
        tools: Folder of the programs.
    """

    stack: str
    workspace: pulumi_cli.Workspace
    objects: Path
    tools: Path

    def plan(self) -> dict[str, Any]:
        """The CLI's plan, as its JSON.

        Raises:
            CommandError: The program refused its settings, or failed.
        """
        done = pulumi_cli.run(self.workspace, self.tools, ["preview", "--json", "--stack", self.stack])
        try:
            plan: dict[str, Any] = json.loads(done.stdout)
        except ValueError:
            raise CommandError(self._failed(done.reason), remedy="fix what the message names") from None
        if not done.ok:
            reason = _first_error(plan)
            for pattern in _UNREACHABLE:
                if found := pattern.search(reason):
                    place = f"stack {self.stack}: {found['place']}: {found['cause']}"
                    raise CommandError(place, remedy=rendered_charts.remedy())
            file = f"Pulumi.{self.stack}.yaml"
            raise CommandError(f"{self._failed(reason)}\n  all of it in {file}", remedy="fix it there")
        return plan

    def write(self, warn: Callable[[str], None] | None = None) -> Path:
        """Have the provider write the objects, and return their folder.

        Args:
            warn: Called once with each warning of the program.

        Raises:
            CommandError: The program refused its settings, or failed.
        """
        words = ["up", "--yes", "--skip-preview", "--suppress-outputs", "--color", "never", "--stack", self.stack]
        done = pulumi_cli.run(self.workspace, self.tools, words)
        if not done.ok:
            self.plan()  # reports mistakes in a readable form
            raise CommandError(self._failed(last_line(done.stdout) or done.reason), remedy="fix what the message names")
        if warn is not None:
            for text in dict.fromkeys(_WARNING.findall(done.stdout)):
                warn(text)
        export = pulumi_cli.run(self.workspace, self.tools, ["stack", "export", "--stack", self.stack])
        made = [one for one in json.loads(export.stdout)["deployment"]["resources"] if _is_object(one["type"])]
        found = sum(1 for path in self.objects.rglob("*.yaml") if path.is_file())
        if found != len(made):
            raise CommandError(
                f"stack {self.stack}: {found} files for {len(made)} objects", remedy="give every object its own name"
            )
        return self.objects

    def _failed(self, reason: str) -> str:
        return reason if reason.startswith("settings of stack") else f"stack {self.stack}: {reason}"


@contextmanager
def of(stack: str, changes: Mapping[str, Any] | None = None) -> Iterator[Rendering]:
    """Set a stack up for rendering, in a temporary folder that only its owner can read.

    Args:
        stack: Name of a stack file in the checkout.
        changes: Settings that replace those in the stack file.

    Raises:
        CommandError: There is no such stack.
    """
    stack_file.settings(stack)
    tools = embedded.programs().folder(["engine"])
    with tempfile.TemporaryDirectory(prefix="otel-mesh-render-") as name:
        folder = Path(name)
        objects = folder / "objects"
        objects.mkdir()
        files.write(folder / "passphrase", secrets.token_urlsafe())  # the state holds no secret and is temporary
        variables = {
            **pulumi_cli.own_home(folder / "home"),
            "PULUMI_BACKEND_URL": f"file://{folder / 'backend'}",
            "PULUMI_CONFIG_PASSPHRASE_FILE": str(folder / "passphrase"),
            "OTEL_MESH_RENDER_DIR": str(objects),
            # the state is temporary: it need not be written after every step
            "PULUMI_SKIP_CHECKPOINTS": "true",
            # settings of the shell's own environment must not have an effect
            "OTEL_MESH_SECRETS_DIR": str(folder / "none"),
            "KUBECONFIG": str(folder / "none"),
            **rendered_charts.variables(stack, changes or {}, folder),
        }
        workspace = pulumi_cli.Workspace(folder, folder / "backend", folder / "logs", variables, {stack: changes or {}})
        pulumi_cli.ensure_stack(workspace, stack, tools)
        yield Rendering(stack, workspace, objects, tools)


def objects(plan: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Kubernetes objects of a plan, as the states that the engine would record."""
    states = [step["newState"] for step in plan["steps"] if step.get("newState")]
    return [state for state in states if _is_object(state["type"])]


def _is_object(resource_type: str) -> bool:
    """Whether a type is a Kubernetes object's, not that of the group of objects of a chart or file."""
    return resource_type.startswith("kubernetes:") and not resource_type.startswith(_GROUPS)


def warnings(plan: Mapping[str, Any]) -> list[str]:
    """Warnings of the program, without repetitions."""
    return list(dict.fromkeys(_messages(plan, "warning")))


def given() -> list[str]:
    """Environment variables that influenced the rendering."""
    return [f"{name}={os.environ[name]}" for name in (IMAGES_FILE, pulumi_cli.CHARTS_DIR) if os.environ.get(name)]


def _first_error(plan: Mapping[str, Any]) -> str:
    return next(iter(_messages(plan, "error")), "the CLI gave no reason")


def _messages(plan: Mapping[str, Any], severity: str) -> list[str]:
    """Messages of the program, without the severity that the CLI puts before them."""
    found = [one for one in plan.get("diagnostics") or () if one.get("severity") == severity]
    return [str(one["message"]).strip().removeprefix(f"{severity}:").strip() for one in found]
