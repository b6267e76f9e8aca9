"""CustomResourceDefinitions of a stack. Deleting one deletes everybody's objects of that kind, so those are looked for.

A stack leaves its definitions in the cluster unless its settings say otherwise (``mesh.istio.crds``).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from otel_mesh_cli.core import embedded
from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.stacks import drift, pulumi_cli
from otel_mesh_cli.stacks.stack_kubectl import StackKubectl

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from otel_mesh_cli.stacks.pulumi_cli import Workspace

    Resource = Mapping[str, Any]

_DEFINITION = "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition"
_UPDATES = ("up", "update")
_DESTROY = "destroy"
_SHOWN = 3


def call(workspace: Workspace, stack: str, words: Sequence[str]) -> int:
    """Run the CLI on a stack as `pulumi_cli.call` does; an update is checked before and after.

    Raises:
        CommandError: Other people's objects would be deleted, or a program refuses a configuration; nothing was done.
    """
    command = next((word for word in words if not word.startswith("-")), "")
    if command not in (*_UPDATES, _DESTROY):
        return pulumi_cli.call(workspace, stack, words)
    tools = embedded.programs().folder(["engine", "kubectl"])
    pulumi_cli.ensure_stack(workspace, stack, tools)
    before = _resources(workspace, stack, tools)
    refuse_loss(workspace, stack, tools, before, destroys=command == _DESTROY)
    if command in _UPDATES:
        from otel_mesh_cli.validation.before_update import refuse_broken  # noqa: PLC0415 - loads the whole program

        refuse_broken(workspace, stack, print)
    code = pulumi_cli.call(workspace, stack, words)
    if code == 0:
        after = {one["urn"] for one in _resources(workspace, stack, tools)}
        if left := [one for one in retained(before) if one["urn"] not in after]:
            print(_report(left, StackKubectl(workspace, stack, tools).context))
    return code


def before_update(workspace: Workspace, stack: str, tools: Path) -> None:
    """Refuse an update that would delete other people's objects.

    Raises:
        CommandError: It would; or the cluster or the CLI does not answer.
    """
    refuse_loss(workspace, stack, tools, _resources(workspace, stack, tools), destroys=False)


def refuse_loss(
    workspace: Workspace, stack: str, tools: Path, resources: Sequence[Resource], *, destroys: bool
) -> None:
    """Refuse to delete definitions while objects of their kinds exist that this stack did not create.

    Args:
        workspace: Workspace of the stack.
        stack: Name of the stack.
        tools: Folder of the programs.
        resources: Resources in the stack's state.
        destroys: True: all resources are deleted; false: those that the program no longer declares.

    Raises:
        CommandError: Such objects exist; or the cluster or the CLI does not answer.
    """
    going = deletable(resources)
    if going and not destroys:
        planned = _planned_to_go(workspace, stack, tools)
        going = [one for one in going if one["urn"] in planned]
    if not going:
        return
    cluster = StackKubectl(workspace, stack, tools)
    found = [line for one in going for line in foreign(one, _written_by(cluster, one), resources)]
    if found:
        more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        raise CommandError(
            f"stack {stack}: its CustomResourceDefinitions would be deleted (mesh.istio.crds: delete), and with them "
            f"objects of others: {', '.join(found[:_SHOWN])}{more}; nothing was done",
            remedy="have their owners delete those first, or set mesh.istio.crds to keep and run "
            f"`otel-mesh up --stack {stack}` before",
        )


def deletable(resources: Iterable[Resource]) -> list[Resource]:
    """Definitions in a state that the engine deletes from the cluster when they leave the state."""
    return [one for one in resources if one["type"] == _DEFINITION and not one.get("retainOnDelete")]


def retained(resources: Iterable[Resource]) -> list[Resource]:
    """Definitions in a state that stay in the cluster when they leave the state."""
    return [one for one in resources if one["type"] == _DEFINITION and one.get("retainOnDelete")]


def foreign(definition: Resource, written: Iterable[Mapping[str, Any]], resources: Iterable[Resource]) -> list[str]:
    """Objects that are not in the state, each as kind and ``namespace/name``.

    Args:
        definition: Definition in the state.
        written: All objects of its kind in the cluster.
        resources: Resources in the state.
    """
    group, kind = definition["inputs"]["spec"]["group"], definition["inputs"]["spec"]["names"]["kind"]
    own = {
        one["id"]
        for one in resources
        if one["type"].startswith(f"kubernetes:{group}/") and one["type"].endswith(f":{kind}") and "id" in one
    }
    places = [_place(one["metadata"]) for one in written if not _made_by_istiod(kind, one)]
    return [f"{kind} {place}" for place in places if place not in own]


def _made_by_istiod(kind: str, one: Mapping[str, Any]) -> bool:
    """Whether an object is one of the GatewayClasses that istiod creates at its start if they are missing."""
    if kind != "GatewayClass" or not one["metadata"]["name"].startswith("istio"):
        return False
    return str(one["spec"]["controllerName"]).startswith("istio.io/")


def _place(metadata: Mapping[str, Any]) -> str:
    return "/".join(part for part in (metadata.get("namespace"), metadata["name"]) if part)


def _written_by(cluster: StackKubectl, definition: Resource) -> list[dict[str, Any]]:
    name = definition["inputs"]["metadata"]["name"]  # <plural>.<group>
    found = cluster.get(name, name, "--all-namespaces") or {"items": []}
    items: list[dict[str, Any]] = found["items"]
    return items


def _planned_to_go(workspace: Workspace, stack: str, tools: Path) -> set[str]:
    """URNs of the resources that an update would delete."""
    done = pulumi_cli.run(workspace, tools, ["preview", "--json", "--stack", stack])
    try:
        steps = json.loads(done.stdout)["steps"]
    except (ValueError, KeyError):
        raise CommandError(f"stack {stack}: {done.reason}", remedy="fix what the message names") from None
    return {step["urn"] for step in steps if step["op"] == "delete"}


def _resources(workspace: Workspace, stack: str, tools: Path) -> list[Resource]:
    file = workspace.state_file(stack)
    if file is not None:
        return list(drift.state(file).get("resources") or [])
    done = pulumi_cli.run(workspace, tools, ["stack", "export", "--stack", stack])
    exported = done.require(f"stack {stack}", remedy="fix what the message names")
    return list(json.loads(exported)["deployment"].get("resources") or [])


def _report(definitions: Sequence[Resource], context: str) -> str:
    names = sorted(one["inputs"]["metadata"]["name"] for one in definitions)
    return (
        f"{len(names)} CustomResourceDefinitions stay in the cluster with all objects of their kinds; "
        f"to delete them: kubectl --context {context} delete crd {' '.join(names)}"
    )
