"""Restarts: how the pods of a workload are replaced, and because of what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otel_mesh.check.objects import mapping, mappings
from otel_mesh.core.labels import Annotation
from otel_mesh_cli.review.workloads import replicas

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from otel_mesh.check.workloads import Workload

_MOST: Final = 3
"""Number of changed parts that a reason names."""
_FIELDS: Final = {
    "args": "arguments",
    "command": "command",
    "ports": "ports",
    "resources": "resources",
    "volumeMounts": "mounts",
    "livenessProbe": "health checks",
    "readinessProbe": "health checks",
    "startupProbe": "health checks",
    "volumes": "volumes",
    "initContainers": "init containers",
    "containers": "containers",
    "serviceAccountName": "ServiceAccount",
}


def how(workload: Workload) -> str:
    """How an update replaces the pods; empty if it replaces none.

    Args:
        workload: The workload afterwards.
    """
    kind, spec = workload.object.kind, workload.object.spec
    if kind in {"CronJob", "Pod"}:
        return ""
    if kind == "Job":
        return "runs again"
    if kind == "DaemonSet":
        return "restarts node by node"
    is_sole = kind == "StatefulSet" and replicas(workload) == 1
    if is_sole or mapping(spec.get("strategy")).get("type") == "Recreate":
        return "stops, then starts again"
    return "restarts pod by pod"


def changed_parts(old: Workload, new: Workload) -> str:
    """What differs in two pod templates, in words and without values.

    Args:
        old: The workload before.
        new: The workload afterwards.
    """
    parts = list(dict.fromkeys(_parts(old, new)))
    more = f" and {len(parts) - _MOST} more parts" if len(parts) > _MOST + 1 else ""
    shown = parts[:_MOST] if more else parts
    return f"changed: {', '.join(shown)}{more}"


def _parts(old: Workload, new: Workload) -> Iterator[str]:
    if old.annotations.get(Annotation.CONFIG_CHECKSUM) != new.annotations.get(Annotation.CONFIG_CHECKSUM):
        yield "configuration"
    for field in ("initContainers", "containers"):
        were, will = (_by_name(one.spec.get(field)) for one in (old, new))
        if were.keys() != will.keys():
            yield _FIELDS[field]
        for name in sorted(were.keys() & will.keys()):
            yield from _container(were[name], will[name])
    yield from (f"label {name}" for name in _differing(old.labels, new.labels))
    notes = _differing(old.annotations, new.annotations)
    yield from (f"annotation {name}" for name in notes if name != Annotation.CONFIG_CHECKSUM)
    for name in _differing(old.spec, new.spec):
        if name not in {"initContainers", "containers"}:
            yield _FIELDS.get(name, name)


def _container(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    for name in _differing(old, new):
        if name == "env":
            were, will = (_by_name(one.get("env")) for one in (old, new))
            changed = _differing(were, will)
            yield from (f"variable {one}" for one in changed)
        elif name != "image":
            yield _FIELDS.get(name, name)


def _by_name(items: object) -> dict[str, dict[str, Any]]:
    return {str(one.get("name")): one for _, one in mappings(items)}


def _differing(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    return sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
