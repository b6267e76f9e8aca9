"""`otel-mesh preview --stack dev`: what a stack creates, without a cluster, and what was not checked."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from otel_mesh_cli.core.output import Answer
from otel_mesh_cli.stacks import object_lines, rendering

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_PLACEHOLDER_REGISTRY = "placeholder.invalid/"
_INJECTED = "auto"
"""Image name that Istio's injector replaces with the proxy's image."""
_CLUSTER = ("PriorityClass", "Namespace")
"""Cluster-scoped kinds that are listed first, as they are created first."""


def answer(stack: str) -> Answer:
    """What a stack creates in an empty cluster.

    Raises:
        CommandError: There is no such stack, or its program refused its settings.
    """
    with rendering.of(stack) as made:
        plan = made.plan()
    return Answer(data(stack, plan), lambda _: print(text(stack, plan)))


def data(stack: str, plan: Mapping[str, Any]) -> dict[str, Any]:
    """A plan of the CLI as values for a program; its Secrets hold placeholders.

    Args:
        stack: Name of the stack.
        plan: JSON of the CLI for a first update.
    """
    manifests = [state["inputs"] for state in rendering.objects(plan)]
    return {
        "stack": stack,
        "objects": sorted(manifests, key=lambda one: (str(one["kind"]), object_lines.place(one))),
        "warnings": rendering.warnings(plan),
        "unchecked": list(_unchecked(stack, manifests)),
    }


def text(stack: str, plan: Mapping[str, Any]) -> str:
    """A plan of the CLI as text.

    Args:
        stack: Name of the stack.
        plan: JSON of the CLI for a first update.
    """
    states = rendering.objects(plan)
    manifests = [state["inputs"] for state in states]
    lines = [f"stack {stack}: everything that it creates in an empty cluster", ""]
    for title, members in _groups(plan, states):
        lines += [title, *_rows(members), ""]
    kinds = Counter(str(manifest["kind"]) for manifest in manifests)
    lines.append(
        f"{len(manifests)} objects: " + ", ".join(f"{number} {kind}" for kind, number in sorted(kinds.items()))
    )
    lines += [f"warning: {warning}" for warning in rendering.warnings(plan)]
    lines += ["", "Without a cluster and without secrets, this was not checked:"]
    lines += [f"  - {one}" for one in _unchecked(stack, manifests)]
    return "\n".join(lines)


def _groups(
    plan: Mapping[str, Any], states: Iterable[Mapping[str, Any]]
) -> Iterator[tuple[str, list[Mapping[str, Any]]]]:
    """Objects by the component that creates them, in an order that does not depend on timing."""
    parents = {one["newState"]["urn"]: one["newState"].get("parent") for one in plan["steps"] if one.get("newState")}
    found: dict[str, list[Mapping[str, Any]]] = {}
    for state in states:
        urn = str(state["urn"])
        while (parent := parents.get(urn)) and "pulumi:pulumi:Stack" not in parent:
            urn = parent
        found.setdefault(urn, []).append(state["inputs"])
    for title, members in sorted((_title(urn), members) for urn, members in found.items()):
        yield title[-1], members


def _title(urn: str) -> tuple[int, str]:
    """Sort key whose last part is the title: ``Jaeger jaeger``."""
    *_, resource_type, name = urn.split("::")
    kind = resource_type.rpartition(":")[2]
    return _CLUSTER.index(kind) if kind in _CLUSTER else len(_CLUSTER), f"{kind} {name}"


def _rows(manifests: Iterable[Mapping[str, Any]]) -> list[str]:
    rows = []
    for manifest in sorted(manifests, key=lambda one: (str(one["kind"]), str(one["metadata"].get("name", "")))):
        place = object_lines.place(manifest)
        rows.append(f"  + {manifest['kind']:22} {place:28} {object_lines.line(manifest)}".rstrip())
        rows += [f"      runs {one['image']}" for one in object_lines.containers(manifest)]
    return rows


def _unchecked(stack: str, manifests: list[Mapping[str, Any]]) -> Iterator[str]:
    words = f"otel-mesh preview --stack {stack}" + ("" if stack == "local" else " --context NAME")
    yield f"what exists already and so what would change: {words} asks the cluster"
    yield "whether the API server admits these objects (make test asks a real one)"
    images = sorted({str(one["image"]) for manifest in manifests for one in object_lines.containers(manifest)})
    images = [image for image in images if image != _INJECTED]
    absent = [image for image in images if image.startswith(_PLACEHOLDER_REGISTRY)]
    if absent:
        yield f"images of our services ({rendering.IMAGES_FILE} names them); placeholders are {', '.join(absent)}"
    yield f"whether these images can be pulled: {', '.join(image for image in images if image not in absent)}"
    for one in _expected(manifests):
        yield f"whether the cluster has {one}"
    for one in rendering.given():
        yield f"variable of the shell: {one}"


def _expected(manifests: list[Mapping[str, Any]]) -> list[str]:
    """Objects that pods and claims refer to and the stack does not create."""
    made = {(str(one["kind"]), one["metadata"].get("namespace", ""), one["metadata"].get("name")) for one in manifests}
    wanted: set[tuple[str, str, str]] = set()
    for manifest in manifests:
        namespace = str(manifest["metadata"].get("namespace", ""))
        pod = object_lines.pod(manifest)
        wanted |= {("Secret", namespace, str(one["name"])) for one in pod.get("imagePullSecrets") or ()}
        secrets = [one["secret"] for one in pod.get("volumes") or () if "secret" in one]
        wanted |= {("Secret", namespace, str(one["secretName"])) for one in secrets if not one.get("optional")}
        servers = manifest["spec"]["servers"] if manifest["kind"] == "Gateway" else ()
        certificates = [one["tls"]["credentialName"] for one in servers if "credentialName" in one.get("tls", {})]
        wanted |= {("Secret", namespace, str(name)) for name in certificates}
        # every cluster has those of its own programs
        if not str(pod.get("priorityClassName") or "system-").startswith("system-"):
            wanted.add(("PriorityClass", "", str(pod["priorityClassName"])))
        if manifest["kind"] == "PersistentVolumeClaim":
            name = manifest["spec"].get("storageClassName")
            wanted.add(("StorageClass", "", str(name) if name else "(a default one)"))
    return [f"{kind} {namespace}{'/' if namespace else ''}{name}" for kind, namespace, name in sorted(wanted - made)]
