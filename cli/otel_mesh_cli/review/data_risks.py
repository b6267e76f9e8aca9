"""Risks to data and pods: deleted volumes, renamed Secrets, new versions, restarts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_mesh_cli.review.kinds import Kind, Risk
from otel_mesh_cli.review.objects import Action
from otel_mesh_cli.review.workloads import holds_data, images, replicas

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from otel_mesh.check.workloads import Workload
    from otel_mesh_cli.review.model import Version
    from otel_mesh_cli.review.objects import Change


def risks(before: Version, after: Version, changes: Iterable[Change]) -> Iterator[Risk]:
    """Data that goes, versions that change, and pods that restart.

    Args:
        before: The base.
        after: The proposed version.
        changes: What an update does with each object.
    """
    for change in changes:
        yield from _data(change)
    yield from _versions(before, after)
    for place in sorted(before.workloads.keys() & after.workloads.keys()):
        old, new = before.workloads[place], after.workloads[place]
        if replicas(old) != replicas(new):
            yield Risk(Kind.CAPACITY, place, _pods(old), _pods(new), "it serves more or less at a time")
        if old.template != new.template and images(old) == images(new):
            yield Risk(Kind.RESTARTS, place, "running", "replaced pod by pod", "its pod template changes")


def _data(change: Change) -> Iterator[Risk]:
    kind = change.key.kind
    if change.action not in {Action.DELETE, Action.REPLACE}:
        return
    verb = "is deleted" if change.action is Action.DELETE else "is replaced"
    why = f" ({', '.join(change.fields)})" if change.action is Action.REPLACE else ""
    if holds_data(kind):
        yield Risk(Kind.DATA, str(change.key), "holds data", f"{verb}{why}", "its data goes, unless retained")
    elif kind == "Namespace":
        yield Risk(Kind.DATA, str(change.key), "exists", verb, "everything in it goes, claims and Secrets too")
    elif kind == "StatefulSet":
        yield Risk(Kind.DATA, str(change.key), "runs", f"{verb}{why}", "its pods stop; their claims stay")
    elif kind == "Secret":
        yield Risk(Kind.DATA, str(change.key), "exists", verb, "what reads it fails until it exists again")
    elif kind == "CustomResourceDefinition":
        yield Risk(Kind.DATA, str(change.key), "exists", verb, "all objects of this kind go, other people's too")


def _pods(workload: Workload) -> str:
    number = replicas(workload)
    return "not fixed" if number is None else f"{number} pods"


def _versions(before: Version, after: Version) -> Iterator[Risk]:
    for place in sorted(before.workloads.keys() & after.workloads.keys()):
        old, new = images(before.workloads[place]), images(after.workloads[place])
        for container in sorted(old.keys() & new.keys()):
            if old[container] != new[container]:
                subject = place if container == place.rpartition("/")[2] else f"{place} {container}"
                yield Risk(Kind.VERSION, subject, old[container], new[container], "other code runs; its pods restart")
    for place in sorted(before.charts.keys() & after.charts.keys()):
        was, will = (version.charts[place].get("version", "") for version in (before, after))
        if was != will:
            yield Risk(Kind.VERSION, f"chart {place}", str(was), str(will), "upstream's objects and defaults change")
