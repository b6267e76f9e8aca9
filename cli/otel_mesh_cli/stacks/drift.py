"""Differences between the cluster and the last update, from the stack's state and the API server."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from otel_mesh_cli.stacks.object_lines import place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    Lister = Callable[[str], Mapping[str, Any] | None]

_WORKLOADS = ("Deployment", "StatefulSet")
MARK = "4dabf18193072939515e22adb298388d"
"""Key of a special value in the engine's state, here of an encrypted secret."""


def state(file: Path) -> Mapping[str, Any]:
    """Newest state in a stack's state file; empty before the first update."""
    if not file.exists():
        return {}
    latest: Mapping[str, Any] | None = json.loads(file.read_text())["checkpoint"].get("latest")
    return latest or {}


def differences(state: Mapping[str, Any], listed: Lister) -> list[str]:
    """Objects that are missing or were changed by others, one line each.

    Args:
        state: State of the stack.
        listed: Lists all objects at a path of the API; None if the API server does not know the kind.
    """
    found = []
    for resource, live in _beside(state, listed):
        wanted = resource["inputs"]
        if live is None:
            found.append(f"{resource['outputs']['kind']} {place(resource['outputs'])} does not exist")
        elif resource["outputs"]["kind"] in _WORKLOADS:
            name = f"{resource['outputs']['kind']} {place(resource['outputs'])}"
            found += [f"{name}: {text}" for text in _changes(wanted["spec"], live)]
        elif resource["outputs"]["kind"] == "ConfigMap" and _differ(wanted.get("data"), live.get("data")):
            found.append(f"ConfigMap {place(resource['outputs'])} was changed")
    return found


def is_untouched(state: Mapping[str, Any], listed: Lister) -> bool:
    """Whether no object was changed since the last refresh of the stack's state, so that another would find nothing.

    The ``generation`` of an object counts changes of its desired state; kinds without one have a ``resourceVersion``
    that counts every write.

    Args:
        state: State of the stack.
        listed: As in `differences`.
    """
    return all(
        live is not None and _version(live["metadata"]) == _version(resource["outputs"]["metadata"])
        for resource, live in _beside(state, listed)
    )


def _version(meta: Mapping[str, Any]) -> tuple[Any, ...]:
    written = meta.get("generation") or meta.get("resourceVersion")
    labels, annotations = meta.get("labels") or {}, meta.get("annotations") or {}
    return meta.get("uid"), written, labels, annotations, meta.get("deletionTimestamp")


def _beside(state: Mapping[str, Any], listed: Lister) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any] | None]]:
    """Each object of the stack in its state and in the cluster; each kind is listed once."""
    seen: dict[str, dict[str, Mapping[str, Any]]] = {}
    for resource in state.get("resources", []):
        if not resource["type"].startswith("kubernetes:") or resource.get("delete"):
            continue
        if "apiVersion" not in resource.get("outputs", {}):
            continue  # a chart: its objects are resources too
        path = collection(resource["outputs"]["apiVersion"], resource["outputs"]["kind"])
        if path not in seen:
            answer = listed(path) or {"items": []}
            seen[path] = {place(item): item for item in answer["items"]}
        yield resource, seen[path].get(place(resource["outputs"]))


def _differ(wanted: Mapping[str, Any] | None, live: Mapping[str, Any] | None) -> bool:
    return MARK not in (wanted or {}) and (wanted or {}) != (live or {})


def collection(api_version: str, kind: str) -> str:
    """Path of the API that lists all objects of a kind."""
    lower = kind.lower()
    if lower.endswith("y") and lower[-2] not in "aeiou":
        plural = f"{lower[:-1]}ies"
    else:
        plural = f"{lower}es" if lower.endswith("s") else f"{lower}s"
    return f"/{'apis' if '/' in api_version else 'api'}/{api_version}/{plural}"


def _changes(wanted: Mapping[str, Any], live: Mapping[str, Any]) -> Iterator[str]:
    """What of a workload a person may have changed in a hurry, and why it has no pods."""
    replicas = live["spec"].get("replicas", 1)
    if "replicas" in wanted and replicas != wanted["replicas"]:
        yield f"scaled to {replicas}, not {wanted['replicas']}"
    images = {one["name"]: one["image"] for one in live["spec"]["template"]["spec"]["containers"]}
    for container in wanted["template"]["spec"]["containers"]:
        if (image := images.get(container["name"])) != container["image"]:
            yield f"container {container['name']} is to run {image}, not {container['image']}"
    for condition in live.get("status", {}).get("conditions", []):
        if condition["type"] == "ReplicaFailure" and condition["status"] == "True":
            yield f"{condition.get('reason', 'no pods')}: {condition.get('message', '')}".rstrip(": ")
