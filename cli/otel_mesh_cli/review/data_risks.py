"""Risks to data and pods: deleted volumes, renamed Secrets, new versions, restarts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from otel_mesh_cli.review.kinds import Kind, Risk
from otel_mesh_cli.review.objects import Action, at
from otel_mesh_cli.review.restarts import changed_parts, how
from otel_mesh_cli.review.workloads import environment, holds_data, images, is_scaled, replicas, secrets

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from otel_mesh.check.workloads import Workload
    from otel_mesh_cli.review.model import Version
    from otel_mesh_cli.review.objects import Change

_DELETED: Final = {
    "Namespace": ("everything in it goes, claims and Secrets too", "{} namespaces are deleted"),
    "Secret": ("what reads it fails until it exists again", "{} Secrets are deleted or replaced"),
    "CustomResourceDefinition": ("all objects of this kind go, other people's too", "{} definitions are deleted"),
}
"""Reason and clause of the verdict, by kind of the object."""
_DATABASE: Final = "DATABASE_NAME"
"""Variable with the name of a service's database."""
_CAPITAL: Final = re.compile(r"[A-Z]")
_RESTART: Final = "{} workloads restart"


def risks(before: Version, after: Version, changes: Iterable[Change], renamed: Mapping[str, str]) -> Iterator[Risk]:
    """Data that goes, Secrets and versions that change, and pods that restart.

    Args:
        before: The base.
        after: The proposed version.
        changes: What an update does with each object.
        renamed: New places of renamed workloads, by the old ones.
    """
    for change in changes:
        if change.action in {Action.DELETE, Action.REPLACE}:
            yield from _data(change)
    yield from _charts(before, after)
    pairs = {place: place for place in before.workloads.keys() & after.workloads.keys()} | dict(renamed)
    for place, new_place in sorted(pairs.items()):
        old, new = before.workloads[place], after.workloads[new_place]
        yield from _databases(new_place, old, new)
        yield from _secrets(new_place, old, new, after)
        yield from _images(new_place, old, new)
        yield from _capacity(new_place, old, new)
        if place == new_place and old.template != new.template and images(old) == images(new):
            yield from _restart(place, old, new)


def _data(change: Change) -> Iterator[Risk]:
    kind, is_deleted = change.key.kind, change.action is Action.DELETE
    subject = str(change.key)
    was, will = ("; ".join(_fields(change, side)) for side in (change.before, change.after))
    if holds_data(kind):
        reason = "its data goes, unless the volume's reclaim policy is Retain"
        name = f"{'volume' if kind == 'PersistentVolume' else 'claim'} {change.key.place}"
        if is_deleted:
            one, many = f"the data of {name} is deleted", "the data of {} claims is deleted"
            yield Risk(Kind.DATA, name, "holds data", "is deleted", reason, one, many)
        else:
            one = f"the data of {name} is deleted: an empty one replaces it"
            many = "the data of {} claims is deleted: empty ones replace them"
            yield Risk(Kind.DATA, name, was, f"{will}: an empty one replaces it", reason, one, many)
    elif kind in _DELETED:
        reason, many = _DELETED[kind]
        verb = "is deleted" if is_deleted else "is replaced"
        yield Risk(Kind.DATA, subject, was or "exists", will or verb, reason, f"{subject} {verb}", many)
    elif kind == "StatefulSet" and not is_deleted:
        reason = "it is deleted and created again: its pods stop; existing claims stay as they are"
        one, many = (
            f"{change.key.place} stops until it is created again",
            "{} workloads stop until they are created again",
        )
        yield Risk(Kind.STOPS, subject, was, will, reason, one, many)


def _fields(change: Change, side: Mapping[str, object] | None) -> Iterator[str]:
    """The fields for which the object is replaced, in words."""
    for path in change.replacing if side is not None else ():
        value = at(side, path)
        name = _CAPITAL.sub(lambda one: f" {one[0].lower()}", path.rpartition(".")[2]).removesuffix(" name")
        yield f"{name} {value}" if isinstance(value, str | int) else f"{path} {'differs' if value else 'is not set'}"


def _charts(before: Version, after: Version) -> Iterator[Risk]:
    for place, chart in sorted(before.charts.items()):
        was = str(chart.get("version", ""))
        if place not in after.charts:
            one, many = f"chart {place} is deleted", "{} charts are deleted"
            reason = "the objects of the chart go, but for those that it keeps"
            yield Risk(Kind.STOPS, f"chart {place}", f"version {was}", "is deleted", reason, one, many)
            continue
        will = str(after.charts[place].get("version", ""))
        if was != will:
            one, many = f"chart {place} changes from {was} to {will}", f"{{}} charts change from {was} to {will}"
            yield Risk(Kind.VERSION, f"chart {place}", was, will, "upstream's objects and defaults change", one, many)


def _databases(place: str, old: Workload, new: Workload) -> Iterator[Risk]:
    was, will = (environment(one).get(_DATABASE) for one in (old, new))
    if was and will and was != will:
        reason = "the rows stay in the old database: the service starts without them"
        one, many = f"{place} uses database {will} instead of {was}", "{} workloads use another database"
        yield Risk(Kind.DATA, place, f"uses database {was}", f"uses database {will}", reason, one, many)


def _secrets(place: str, old: Workload, new: Workload, after: Version) -> Iterator[Risk]:
    """Secrets that pods read now and that the stack does not create: nobody knows here whether they exist."""
    were, will = secrets(old), secrets(new)
    for name in sorted(will - were):
        if (new.namespace, name) in after.secrets:
            continue
        had = ", ".join(sorted(were - will))
        reason = "the stack does not create it: new pods start only once it exists"
        one, many = (
            f"{place} reads Secret {name}, which has to exist",
            "{} workloads read another Secret, which has to exist",
        )
        yield Risk(
            Kind.SECRET, place, f"reads {had}" if had else "reads no such Secret", f"reads {name}", reason, one, many
        )


def _images(place: str, old: Workload, new: Workload) -> Iterator[Risk]:
    was, will = images(old), images(new)
    was = {name: image.replace(old.object.name, new.object.name) for name, image in was.items()}
    for container in sorted(was.keys() & will.keys()):
        if was[container] != will[container]:
            subject = place if container == place.rpartition("/")[2] else f"{place} {container}"
            reason = "other code runs; the pods restart"
            one, many = f"{subject} runs another image", "{} containers run another image"
            yield Risk(Kind.VERSION, subject, was[container], will[container], reason, one, many)


def _capacity(place: str, old: Workload, new: Workload) -> Iterator[Risk]:
    was, will = replicas(old), replicas(new)
    if was == will or not (is_scaled(old) and is_scaled(new)):
        return
    if was is None or will is None:
        reason = "an autoscaler decides" if will is None else "no autoscaler decides any more"
        one, many = f"the number of pods of {place} changes", "{} workloads change their number of pods"
    elif will < was:
        reason = "each pod gets more of the work"
        one, many = f"{place} runs {will} instead of {was} pods", "{} workloads run fewer pods"
    else:
        reason = "each pod gets less of the work"
        one, many = f"{place} runs {will} instead of {was} pods", "{} workloads run more pods"
    yield Risk(Kind.CAPACITY, place, _pods(was), _pods(will), reason, one, many)


def _pods(number: int | None) -> str:
    return "a number that is not fixed" if number is None else f"{number} pod{'' if number == 1 else 's'}"


def _restart(place: str, old: Workload, new: Workload) -> Iterator[Risk]:
    after = how(new)
    if after:
        yield Risk(Kind.RESTARTS, place, "runs", after, changed_parts(old, new), f"{place} restarts", _RESTART)
