"""The objects that a stack's last update left, from the engine's state."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from otel_mesh_cli import clusters
from otel_mesh_cli.core import embedded
from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.options import up_command
from otel_mesh_cli.stacks import drift, pulumi_cli, stack_file

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_mesh_cli.review.objects import Manifest
    from otel_mesh_cli.stacks.pulumi_cli import Workspace

_RENDERED: Final = ("kubernetes:helm.sh/v4:Chart", "kubernetes:yaml/v2:ConfigGroup")
"""Types of resources that make objects out of a chart or a file."""


def objects(state: Mapping[str, Any], *, rendered: bool) -> tuple[Manifest, ...]:
    """The objects of a state as they were declared; secrets stay encrypted.

    Args:
        state: State of the stack.
        rendered: Whether objects of charts are among them.
    """
    resources = [one for one in state.get("resources") or () if not one.get("delete")]
    parents = {one["urn"]: one.get("parent", "") for one in resources}
    makers = {one["urn"] for one in resources if one["type"] in _RENDERED}
    found = []
    for one in resources:
        outputs = one.get("outputs") or {}
        if not one["type"].startswith("kubernetes:") or "apiVersion" not in outputs:
            continue
        if rendered or not _is_below(one["urn"], parents, makers):
            metadata = {**(one["inputs"].get("metadata") or {}), **_place(outputs["metadata"])}
            known = {name: outputs[name] for name in ("apiVersion", "kind")}
            found.append({**one["inputs"], **known, "metadata": metadata})
    return tuple(found)


def state(stack: str, context: str | None) -> Mapping[str, Any]:
    """The state of a stack, from wherever it is kept.

    Args:
        stack: Name of the stack.
        context: Context of the kubeconfig in place of the one in the stack's file; None for that.

    Raises:
        CommandError: The stack is not deployed, or the Pulumi CLI cannot read its state.
    """
    stack_file.require(stack)
    used = workspace(stack, context)
    file = used.state_file(stack)
    if file is not None:
        found = drift.state(file)
    else:
        tools = embedded.programs().folder(["pulumi"])
        pulumi_cli.make_project(used.project)
        done = pulumi_cli.run(used, tools, ["stack", "export", "--stack", stack])
        remedy = f"deploy it by `{up_command(stack)}`, or log in to the backend of its state"
        found = json.loads(done.require(f"stack {stack}", remedy=remedy))["deployment"] or {}
    if not found.get("resources"):
        raise CommandError(
            f"stack {stack}: not deployed, as far as its state says",
            remedy=f"deploy it by `{up_command(stack)}`, or name the backend of its state with PULUMI_BACKEND_URL",
        )
    return found


def workspace(stack: str, context: str | None) -> Workspace:
    """Where the Pulumi CLI works on a stack.

    Args:
        stack: Name of the stack.
        context: Context of the kubeconfig in place of the one in the stack's file; None for that.
    """
    if stack == stack_file.LOCAL:
        return embedded.local().workspace()
    return clusters.workspace(clusters.Request(stack, context))


def _is_below(urn: str, parents: Mapping[str, str], makers: set[str]) -> bool:
    while urn := parents.get(urn, ""):
        if urn in makers:
            return True
    return False


def _place(metadata: Mapping[str, Any]) -> dict[str, Any]:
    return {name: metadata[name] for name in ("name", "namespace") if metadata.get(name)}
