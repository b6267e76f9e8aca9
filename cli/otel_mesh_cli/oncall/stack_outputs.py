"""The outputs of a stack, read by the Pulumi CLI from whichever backend holds its state."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel

from otel_mesh.catalog.model import Catalog
from otel_mesh.core.errors import InvalidSettingsError, parse
from otel_mesh_cli import clusters
from otel_mesh_cli.core import embedded
from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.options import up_command
from otel_mesh_cli.core.paths import repo_dir
from otel_mesh_cli.stacks import pulumi_cli, stack_file
from otel_mesh_stack import outputs
from otel_mesh_stack.outputs import Telemetry

if TYPE_CHECKING:
    from collections.abc import Mapping

ModelT = TypeVar("ModelT", bound=BaseModel)


@dataclass(frozen=True)
class StackOutputs:
    """Outputs of one stack."""

    stack: str
    """Name of the stack."""
    values: Mapping[str, Any]
    """All outputs by name."""

    @property
    def telemetry(self) -> Telemetry:
        """Where the stack's telemetry can be queried.

        Raises:
            CommandError: There is no such output, or another version wrote it.
        """
        return self._parsed(Telemetry, outputs.TELEMETRY)

    @property
    def catalog(self) -> Catalog:
        """The catalog that the stack was deployed with.

        Raises:
            CommandError: There is no such output, or another version wrote it.
        """
        return self._parsed(Catalog, outputs.CATALOG)

    @property
    def canaries(self) -> Mapping[str, int]:
        """Weights of the canaries that the stack was deployed with, in percent by service."""
        found: Mapping[str, int] = self.values.get(outputs.CANARIES) or {}
        return {name: int(weight) for name, weight in found.items()}

    def _parsed(self, model: type[ModelT], name: str) -> ModelT:
        update = f"deploy this version: {up_command(self.stack)}"
        if name not in self.values:
            raise CommandError(f"stack {self.stack}: has no output {name!r}", remedy=update)
        try:
            return parse(model, self.values[name], name)
        except InvalidSettingsError as error:
            problem = error.problems[0]
            reason = f"output {problem.path}: {problem.reason}"
            raise CommandError(f"stack {self.stack}: {reason}", remedy=update) from None


def read(stack: str, context: str | None) -> StackOutputs:
    """Reads the outputs of a deployed stack.

    Args:
        stack: Name of a stack of the checkout.
        context: Context of the kubeconfig in place of the one in the stack's file; None for that.

    Raises:
        CommandError: The stack is not deployed, or the Pulumi CLI cannot read its state.
    """
    stack_file.require(stack)
    if stack == stack_file.LOCAL:
        workspace = embedded.local().workspace()
    else:
        workspace = clusters.workspace(clusters.Request(stack, context))
    state = workspace.state_file(stack)
    if state is not None and not state.exists():
        raise CommandError(
            f"stack {stack}: not deployed, as far as the state in {workspace.backend} says",
            remedy=f"deploy it by `{up_command(stack)}`, or name the backend of its state with PULUMI_BACKEND_URL",
        )
    tools = embedded.programs().folder(["pulumi"])
    with TemporaryDirectory(prefix="otel-mesh-outputs-") as folder:
        # a project of its own: an update that runs meanwhile uses the workspace's
        reading = replace(workspace, folder=Path(folder))
        reading.project.mkdir()
        shutil.copy(repo_dir() / "Pulumi.yaml", reading.project)
        done = pulumi_cli.run(reading, tools, ["stack", "output", "--json", "--stack", stack])
    if not done.ok:
        raise CommandError(
            f"stack {stack}: its outputs cannot be read: {done.reason}",
            remedy=f"deploy it by `{up_command(stack)}`, or log in to the backend of its state",
        )
    return StackOutputs(stack, json.loads(done.stdout))
