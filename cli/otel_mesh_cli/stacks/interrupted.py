"""What an update that was killed left in the stack's state, brought in order before the next one.

The engine notes in the state what it is about to do. Of a creation that it did not see the end of, the CLI keeps the
note for ever and takes the object for absent. The next update would apply it under another random name of a field
manager, and the API server refuse whatever it changes as a conflict with the first; what the program no longer asks for
would stay in the cluster, unknown to anybody. So an object that was created is entered in the state, with its field
manager; the refresh that every update begins with reads the rest.
"""

from __future__ import annotations

import json
import tempfile
from functools import partial
from typing import TYPE_CHECKING, Any

from otel_mesh_cli.stacks import object_lines, pulumi_cli
from otel_mesh_cli.stacks.stack_kubectl import StackKubectl

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from otel_mesh_cli.stacks.pulumi_cli import Workspace

_CREATING = "creating"
_KUBERNETES = "kubernetes:"
_FIELD_MANAGER = "__fieldManager"
"""Where the provider keeps the name in an object's outputs."""
_OUR_MANAGERS = "pulumi-kubernetes"


def settle(workspace: Workspace, stack: str, tools: Path, progress: Callable[[str], None]) -> None:
    """Enter what was being created into the state, and clear the notes of unfinished operations.

    Raises:
        CommandError: the state cannot be read or written.
    """
    if not _unfinished(workspace, stack):
        return
    exported = _cli(workspace, tools, ["stack", "export", "--stack", stack])
    content: dict[str, Any] = json.loads(exported)
    operations = content["deployment"].get("pending_operations") or []
    if not operations:
        return
    progress(f"taking up an interrupted update: {', '.join(sorted(map(describe, operations)))}")
    cluster = StackKubectl(workspace, stack, tools)
    content["deployment"] = settled(content["deployment"], partial(_field_manager, cluster))
    with tempfile.NamedTemporaryFile("w", dir=workspace.folder, prefix=".state-", suffix=".json") as file:
        json.dump(content, file)
        file.flush()
        _cli(workspace, tools, ["stack", "import", "--stack", stack, "--file", file.name])


def settled(deployment: dict[str, Any], field_manager: Callable[[dict[str, Any]], str | None]) -> dict[str, Any]:
    """A state with the objects that were created, and without unfinished operations.

    Args:
        deployment: as `pulumi stack export` has it; secrets stay as they are, encrypted.
        field_manager: under which name a resource was created; None when it was not.
    """
    resources = list(deployment.get("resources") or [])
    for operation in deployment.get("pending_operations") or []:
        made = operation["resource"]
        if operation["type"] != _CREATING or not made["type"].startswith(_KUBERNETES):
            continue
        manager = field_manager(made)
        if manager is None:
            continue
        # an object that is being replaced under its own name is there as the one that goes
        resources = [one for one in resources if one["urn"] != made["urn"] or not one.get("pendingReplacement")]
        if not any(one["urn"] == made["urn"] and not one.get("delete") for one in resources):
            outputs = {**made["inputs"], _FIELD_MANAGER: manager}
            resources.append({**made, "custom": True, "id": identifier(made), "outputs": outputs})
    return {**deployment, "resources": resources, "pending_operations": []}


def identifier(resource: dict[str, Any]) -> str:
    """The provider's id of a Kubernetes object: ``namespace/name``, or the name of one of the whole cluster."""
    return object_lines.place(resource["inputs"])


def _field_manager(cluster: StackKubectl, resource: dict[str, Any]) -> str | None:
    """Under which name the provider has applied an object; None when it is not there.

    Raises:
        CommandError: the cluster does not answer.
    """
    _, group, kind = resource["type"].split(":")
    group, _, version = group.rpartition("/")
    namespace, _, name = identifier(resource).rpartition("/")
    words = [f"{kind}.{version}.{group}" if group not in ("", "core") else kind, name, "--show-managed-fields"]
    words += [f"--namespace={namespace}"] if namespace else []
    found = cluster.get(f"{kind} {identifier(resource)}", *words)
    managers = [entry["manager"] for entry in found["metadata"].get("managedFields", [])] if found else []
    # an object of someone else's with that name: the provider will say so
    return next((name for name in managers if name.startswith(_OUR_MANAGERS)), None)


def describe(operation: dict[str, Any]) -> str:
    """An unfinished operation in words."""
    kind = operation["resource"]["type"].rpartition(":")[2]
    return f"{operation['type']} {kind} {operation['resource']['urn'].rpartition('::')[2]}"


def _unfinished(workspace: Workspace, stack: str) -> bool:
    """Whether the state may hold unfinished operations: a look at the file spares the CLI's second."""
    file = workspace.state_file(stack)
    return file is None or '"pending_operations"' in file.read_text()


def _cli(workspace: Workspace, tools: Path, words: list[str]) -> str:
    place = f"stack {words[words.index('--stack') + 1]}: pulumi {' '.join(words[:2])}"
    return pulumi_cli.run(workspace, tools, words).require(
        place, remedy="fix what the message names, then run it again"
    )
