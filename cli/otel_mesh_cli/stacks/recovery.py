"""Recovery of a stack's state after an update or its provider was killed, before the next update.

The engine records in the state each operation that it is about to perform. If it is killed during a creation, the
record stays in the state and the CLI treats the object as absent. The next update would then apply the object with a
new random field manager, and the API server would reject changes as a conflict with the first one; an object that the
program no longer declares would stay in the cluster, unknown to the stack. So each object that was in fact created is
added to the state with its field manager; the refresh at the start of the update reads the rest. The same goes for an
object whose creation failed with the provider, of which the state says nothing (`failed_creations`).
"""

from __future__ import annotations

import json
import tempfile
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from otel_mesh_cli.stacks import failed_creations, object_lines, pulumi_cli
from otel_mesh_cli.stacks.stack_kubectl import StackKubectl

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from otel_mesh_cli.stacks.failed_creations import FailedCreations
    from otel_mesh_cli.stacks.pulumi_cli import Workspace

    _Get = Callable[..., dict[str, Any] | None]

_CREATING = "creating"
_KUBERNETES = "kubernetes:"
_FIELD_MANAGER = "__fieldManager"
"""Output in which the provider keeps the name of the field manager."""
_OUR_MANAGERS = "pulumi-kubernetes"


def settle(workspace: Workspace, stack: str, tools: Path, progress: Callable[[str], None]) -> None:
    """Add objects whose creation was interrupted to the state, and clear its pending operations.

    Raises:
        CommandError: The state cannot be read or written.
    """
    failed = failed_creations.read(workspace.event_log(stack))
    if not failed.resources and not _unfinished(workspace, stack):
        return
    exported = _cli(workspace, tools, ["stack", "export", "--stack", stack])
    content: dict[str, Any] = json.loads(exported)
    get = cache(StackKubectl(workspace, stack, tools).get)  # what a failed creation left is looked at twice
    left = left_behind(failed, content["deployment"], partial(_object, get))
    operations = [*(content["deployment"].get("pending_operations") or []), *left]
    if not operations:
        return
    progress(f"recovering from an interrupted update: {', '.join(sorted(map(describe, operations)))}")
    deployment = {**content["deployment"], "pending_operations": operations}
    content["deployment"] = settled(deployment, partial(_field_manager, get))
    with tempfile.NamedTemporaryFile("w", dir=workspace.folder, prefix=".state-", suffix=".json") as file:
        json.dump(content, file)
        file.flush()
        _cli(workspace, tools, ["stack", "import", "--stack", stack, "--file", file.name])


def settled(deployment: dict[str, Any], field_manager: Callable[[dict[str, Any]], str | None]) -> dict[str, Any]:
    """A state with the objects that were created, and without pending operations.

    Args:
        deployment: Deployment of `pulumi stack export`; its secrets stay encrypted.
        field_manager: Finds the field manager that created a resource; None if it does not exist.
    """
    resources = list(deployment.get("resources") or [])
    for operation in deployment.get("pending_operations") or []:
        made = operation["resource"]
        if operation["type"] != _CREATING or not made["type"].startswith(_KUBERNETES):
            continue
        manager = field_manager(made)
        if manager is None:
            continue
        # during a replacement under the same name the object is recorded as the old one
        resources = [one for one in resources if one["urn"] != made["urn"] or not one.get("pendingReplacement")]
        if not any(one["urn"] == made["urn"] and not one.get("delete") for one in resources):
            outputs = {**made["inputs"], _FIELD_MANAGER: manager}
            resources.append({**made, "custom": True, "id": identifier(made), "outputs": outputs})
    return {**deployment, "resources": resources, "pending_operations": []}


def identifier(resource: dict[str, Any]) -> str:
    """The provider's id of a Kubernetes object: ``namespace/name``, or the name of a cluster-scoped object."""
    return object_lines.place(resource["inputs"])


def left_behind(
    failed: FailedCreations, deployment: dict[str, Any], live: Callable[[dict[str, Any]], dict[str, Any] | None]
) -> list[dict[str, Any]]:
    """Failed creations that left their object in the cluster, as pending operations.

    Args:
        failed: Failed creations of the last update.
        deployment: Deployment of `pulumi stack export`.
        live: Finds a resource's object in the cluster; None if it does not exist.
    """
    known = {one["urn"] for one in deployment.get("resources") or []}
    return [
        {"type": _CREATING, "resource": one}
        for one in failed.resources
        if one.get("custom") and one["type"].startswith(_KUBERNETES)
        if one["urn"] not in known and one["parent"] in known
        if (found := live(one)) and failed.has_made(found)
    ]


def _field_manager(get: _Get, resource: dict[str, Any]) -> str | None:
    """Field manager with which the provider applied an object; None if the object does not exist.

    Raises:
        CommandError: The cluster does not answer.
    """
    found = _object(get, resource)
    managers = [entry["manager"] for entry in found["metadata"].get("managedFields", [])] if found else []
    # without one, the object is someone else's: the provider reports that
    return next((name for name in managers if name.startswith(_OUR_MANAGERS)), None)


def _object(get: _Get, resource: dict[str, Any]) -> dict[str, Any] | None:
    """A resource's object in the cluster, with its field managers; None if it does not exist.

    Raises:
        CommandError: The cluster does not answer.
    """
    _, group, kind = resource["type"].split(":")
    group, _, version = group.rpartition("/")
    namespace, _, name = identifier(resource).rpartition("/")
    words = [f"{kind}.{version}.{group}" if group not in ("", "core") else kind, name, "--show-managed-fields"]
    words += [f"--namespace={namespace}"] if namespace else []
    return get(f"{kind} {identifier(resource)}", *words)


def describe(operation: dict[str, Any]) -> str:
    """A pending operation in words, such as ``creating Deployment jaeger``."""
    kind = operation["resource"]["type"].rpartition(":")[2]
    return f"{operation['type']} {kind} {operation['resource']['urn'].rpartition('::')[2]}"


def _unfinished(workspace: Workspace, stack: str) -> bool:
    """Whether the state may hold pending operations; reading the file is a second faster than asking the CLI."""
    file = workspace.state_file(stack)
    return file is None or '"pending_operations"' in file.read_text()


def _cli(workspace: Workspace, tools: Path, words: list[str]) -> str:
    place = f"stack {words[words.index('--stack') + 1]}: pulumi {' '.join(words[:2])}"
    return pulumi_cli.run(workspace, tools, words).require(
        place, remedy="fix what the message names, then run it again"
    )
