"""Workloads that have another name or namespace afterwards, and are otherwise the same."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from otel_mesh.core.labels import Annotation
from otel_mesh_cli.review.workloads import images

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from otel_mesh.check.workloads import Workload
    from otel_mesh_cli.review.model import Version


def renames(before: Version, after: Version) -> dict[str, str]:
    """New places of renamed workloads, by the old ones.

    Args:
        before: The base.
        after: The proposed version.
    """
    found: dict[str, str] = {}
    for likeness in (_in_another_namespace, _under_another_name):
        taken = set(found.values())
        gone = [place for place in before.workloads if place not in after.workloads and place not in found]
        fresh = [place for place in after.workloads if place not in before.workloads and place not in taken]
        found |= _pairs(before, after, gone, fresh, likeness)
    return found


def _pairs(
    before: Version, after: Version, gone: list[str], fresh: list[str], likeness: Callable[[Workload], Hashable]
) -> dict[str, str]:
    known: dict[Hashable, list[str]] = {}
    for place in sorted(fresh) if gone else ():
        known.setdefault(likeness(after.workloads[place]), []).append(place)
    pairs = {place: known.get(likeness(before.workloads[place]), []) for place in sorted(gone)}
    return {place: same.pop(0) for place, same in pairs.items() if same}


def _in_another_namespace(workload: Workload) -> Hashable:
    return workload.object.kind, workload.object.name, tuple(sorted(images(workload).items()))


def _under_another_name(workload: Workload) -> Hashable:
    """The pod template without the workload's name and the digest of its configuration, which may hold the name."""
    metadata: dict[str, Any] = dict(workload.template.get("metadata") or {})
    metadata["annotations"] = {
        key: one for key, one in workload.annotations.items() if key != Annotation.CONFIG_CHECKSUM
    }
    text = json.dumps({**workload.template, "metadata": metadata}, sort_keys=True, default=str)
    name = workload.object.name
    for one in (name, name.replace("-", "_")):
        text = text.replace(one, "\0")
    return workload.object.kind, workload.namespace, text
