"""What an upgrade of the mesh changes: the objects of both versions' charts, their defaults, and their definitions."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final
from unittest import mock

from otel_mesh.mesh.installing.chart_check import unknown_values
from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.paths import repo_dir
from otel_mesh_cli.review import sides
from otel_mesh_cli.review.model import Version
from otel_mesh_cli.review.objects import differences
from otel_mesh_cli.review.report import Report, Side
from otel_mesh_cli.stacks import pulumi_cli, rendering, stack_file
from otel_mesh_cli.upgrade import charts, meshes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from otel_mesh_cli.review.objects import Manifest
    from otel_mesh_cli.upgrade.meshes import Mesh

_DEFINITION: Final = "CustomResourceDefinition"


@dataclass(frozen=True)
class Upgrade(Report):
    """What an upgrade changes.

    Attributes:
        defaults: Changed defaults: chart, path of the value, old and new default.
        removed: Values that the stack sets and the new charts do not have, as ``chart: path``.
    """

    NAME: ClassVar[str] = "upgrade"

    defaults: tuple[tuple[str, str, Any, Any], ...] = ()
    removed: tuple[str, ...] = ()

    @property
    def definitions(self) -> tuple[str, ...]:
        """Versions of CustomResourceDefinitions that come, go, or change whether they are served or stored."""
        old, new = (_versions(side.version.manifests) for side in (self.before, self.after))
        return tuple(
            _definition(name, old.get(name), new.get(name))
            for name in sorted(old.keys() | new.keys())
            if old.get(name) != new.get(name)
        )

    @property
    def waiting(self) -> tuple[str, ...]:
        """Workloads that the upgrade does not restart: their pods keep the old proxy."""
        old, new = self.before.version.workloads, self.after.version.workloads
        kept = (place for place in old.keys() & new.keys() if old[place].template == new[place].template)
        return tuple(sorted(place for place in kept if self.after.version.is_meshed(place)))

    @property
    def unchecked(self) -> tuple[str, ...]:
        """What the report cannot know, one sentence each."""
        return (
            "Whether the API server admits these objects, and what its webhooks add to them.",
            "What the programs of the new version do differently: see its upgrade notes.",
            "Code in images: an image is compared by its reference.",
        )

    def data(self) -> dict[str, Any]:
        """The report as values that JSON can hold."""
        upgrade = {
            "defaults": [dict(zip(("chart", "value", "before", "after"), one, strict=True)) for one in self.defaults],
            "removed": list(self.removed),
            "definitions": list(self.definitions),
            "old_proxies": list(self.waiting),
        }
        return {**super().data(), "upgrade": upgrade}


def rehearse(stack: str, asked: str, given: str) -> Upgrade:
    """Render the checkout with the charts that it pins, and with those of another version.

    Args:
        stack: Name of the stack.
        asked: What to upgrade, as ``istio=1.31.2`` or ``linkerd=edge-26.7.2``.
        given: Folder with the charts of the new version; empty for the stack's chart repository.

    Raises:
        CommandError: There is nothing to upgrade, or charts or a program of the engine cannot be had.
    """
    mesh, new = meshes.asked(asked)
    file, settings = stack_file.require(stack), stack_file.settings(stack)
    if stack_file.value(file, settings, "mesh", "kind", kind=str, default="none") != mesh.kind:
        raise CommandError(
            f"--upgrade {asked}: stack {stack} installs no {mesh.title}", remedy="name a stack that does"
        )
    if given:
        charts.require(mesh, Path(given), mesh.chart_version(new))
    place = ("mesh", mesh.kind)
    old = stack_file.value(file, settings, *place, "version", kind=str, default=mesh.version)
    repository = stack_file.value(file, settings, *place, "chart_repository", kind=str, default=mesh.repository)
    with tempfile.TemporaryDirectory(prefix="otel-mesh-upgrade-") as scratch:
        folders = tuple(
            charts.folder(mesh, mesh.chart_version(version), repository, source, Path(scratch))
            for version, source in ((old, ""), (new, given))
        )
        before, after = (
            _side(stack, mesh, version, folder) for version, folder in zip((old, new), folders, strict=True)
        )
        values = _values(stack)
        return Upgrade(
            stack,
            before,
            after,
            f"otel-mesh review --stack {stack} --upgrade {asked}{f' --charts {given}' if given else ''}",
            tuple(_defaults(mesh, *folders)),
            tuple(_removed(mesh, values, *folders)),
        )


def _side(stack: str, mesh: Mesh, version: str, folder: Path) -> Side:
    changes = {"mesh": {mesh.kind: {"version": version}}}
    with mock.patch.dict(os.environ, {pulumi_cli.CHARTS_DIR: str(folder)}), rendering.of(stack, changes) as made:
        objects = [state["inputs"] for state in rendering.objects(made.plan())]
    environment = str(stack_file.settings(stack).get("environment", ""))
    return Side(f"{mesh.title} {version}", Version(tuple(objects), environment), {})


def _values(stack: str) -> dict[str, Mapping[str, Any]]:
    """Values that the stack sets, by chart."""
    read = sides.read(repo_dir(), stack, "the checkout", f"stack {stack}")
    found = (one["spec"] for one in read.version.manifests if one["kind"] == "Chart")
    return {str(one["chart"]).rstrip("/").rpartition("/")[2]: one.get("values") or {} for one in found}


def _defaults(mesh: Mesh, old: Path, new: Path) -> Iterator[tuple[str, str, Any, Any]]:
    for chart in mesh.charts:
        for path, before, after in differences(charts.defaults(old, chart), charts.defaults(new, chart)):
            yield chart, path, before, after


def _removed(mesh: Mesh, values: Mapping[str, Mapping[str, Any]], old: Path, new: Path) -> Iterator[str]:
    for chart in mesh.charts:
        own = values.get(chart, {})
        was, is_now = (unknown_values(own, charts.defaults(folder, chart)) for folder in (old, new))
        yield from (f"{chart}: {path}" for path in is_now if path not in was)


def _versions(manifests: Iterable[Manifest]) -> dict[str, dict[str, str]]:
    """Versions of each definition, with what the API server does with them."""
    return {
        str(one["metadata"]["name"]): {str(version["name"]): _use(version) for version in one["spec"]["versions"]}
        for one in manifests
        if one["kind"] == _DEFINITION
    }


def _use(version: Mapping[str, Any]) -> str:
    words = [word for name, word in (("served", "served"), ("storage", "stored")) if version.get(name)]
    return " and ".join(words) or "not served"


def _definition(name: str, old: Mapping[str, str] | None, new: Mapping[str, str] | None) -> str:
    if old is None or new is None:
        known = ", ".join(new or old or {})
        return f"{name} is {'new' if old is None else 'removed'}: {known}"
    parts = [
        f"{version} {old.get(version, 'absent')} -> {new.get(version, 'absent')}"
        for version in sorted(old.keys() | new.keys())
        if old.get(version) != new.get(version)
    ]
    return f"{name}: {', '.join(parts)}"
