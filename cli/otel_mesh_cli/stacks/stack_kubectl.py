"""kubectl on the cluster of a stack."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.run import run
from otel_mesh_cli.stacks import stack_file

if TYPE_CHECKING:
    from pathlib import Path

    from otel_mesh_cli.stacks.pulumi_cli import Workspace

_TIMEOUT = "30s"
_NO_SUCH_KIND = "the server doesn't have a resource type"


class StackKubectl:
    """kubectl on the cluster of a stack.

    Args:
        workspace: Workspace of the stack, with an up-to-date project folder.
        stack: Name of the stack.
        tools: Folder that holds kubectl.
    """

    def __init__(self, workspace: Workspace, stack: str, tools: Path) -> None:
        file = workspace.project / f"Pulumi.{stack}.yaml"
        place = ("config", stack_file.SETTINGS, "cluster", "context")
        self.context = stack_file.value(file, stack_file.content(file), *place, kind=str, default=None)
        self._command = ("kubectl", f"--context={self.context}", f"--request-timeout={_TIMEOUT}")
        self._environment = workspace.environment(tools)

    def get(self, what: str, *words: str) -> Any | None:  # noqa: ANN401 -- any JSON value
        """Result of `kubectl get`; None if the object or its kind does not exist.

        Args:
            what: Name of the object for error messages.
            words: Arguments after ``get``.

        Raises:
            CommandError: The cluster does not answer, or denies this user.
        """
        command = [*self._command, "get", "--output=json", "--ignore-not-found", *words]
        done = run(command, env=self._environment)
        if not done.ok and _NO_SUCH_KIND not in done.stderr:
            raise CommandError(f"{what}: {done.reason}", remedy="fix what the message names, then run it again")
        return json.loads(done.stdout) if done.stdout.strip() else None
