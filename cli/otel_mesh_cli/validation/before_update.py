"""The check before an update: a configuration that its own program refuses reaches no cluster."""

from __future__ import annotations

import io
from contextlib import redirect_stderr
from pathlib import Path
from typing import TYPE_CHECKING, Final

from otel_mesh.check.index import Index
from otel_mesh.check.objects import objects
from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.stacks import stack_file
from otel_mesh_cli.stacks.declared import declared
from otel_mesh_cli.validation.validated import validated

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_mesh_cli.stacks.pulumi_cli import Workspace

_FILES: Final = ("OTEL_MESH_IMAGES_FILE", "OTEL_MESH_NODE_FILE")
"""Variables of files that an update takes objects from, none of them with a secret."""


def refuse_broken(workspace: Workspace, stack: str, progress: Callable[[str], None]) -> None:
    """Refuse an update with a configuration that its program does not accept.

    Args:
        workspace: Workspace of the stack, whose project folder is up to date.
        stack: Name of the stack.
        progress: Called with each configuration that was not checked.

    Raises:
        CommandError: A program refuses a configuration, or the stack's program its settings; nothing was done.
    """
    given = {name: workspace.variables[name] for name in _FILES if Path(workspace.variables.get(name, "")).is_file()}
    config = stack_file.content(workspace.project / f"Pulumi.{stack}.yaml")["config"]
    with redirect_stderr(io.StringIO()):  # the update itself reports the program's warnings
        manifests = declared(stack, config, given)
    (found,) = validated(Index(objects(manifests)))
    for one in found.unchecked:
        progress(f"not checked: {one}")
    if found.findings:
        first, *more = found.findings
        others = "".join(f"\n  also {one.object}: {one.path}: {one.message}" for one in more)
        raise CommandError(
            f"stack {stack}: {first.object}: {first.path}: {first.message}{others}\n  nothing was done",
            remedy=f"{first.remedy}, or put the program of the image's version on PATH, and run it again",
        )
