"""Meshes whose upgrades are rehearsed: their charts, versions and repositories."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from otel_mesh.core import versions
from otel_mesh.core.errors import InvalidSettingsError, parse
from otel_mesh.mesh.istio.charts import CHARTS as ISTIO_CHARTS
from otel_mesh.mesh.istio.settings import IstioSettings
from otel_mesh.mesh.linkerd.charts import CHARTS as LINKERD_CHARTS
from otel_mesh.mesh.linkerd.settings import LinkerdSettings
from otel_mesh_cli.core.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Mesh:
    """A mesh that charts install.

    Attributes:
        kind: Value of ``mesh.kind``, and key of the mesh's settings.
        title: Name in a report.
        charts: Names of the charts.
        version: Version that stacks have by default.
        repository: URL of the Helm repository that stacks have by default.
        example: Version for a message.
        chart_version: Version of the charts of a version of the mesh; refuses what the settings refuse.
    """

    kind: str
    title: str
    charts: tuple[str, ...]
    version: str
    repository: str
    example: str
    chart_version: Callable[[str], str]


MESHES: Final = {
    one.kind: one
    for one in (
        Mesh(
            "istio",
            "Istio",
            ISTIO_CHARTS,
            versions.ISTIO,
            versions.ISTIO_CHARTS,
            "1.31.2",
            lambda text: parse(IstioSettings, {"version": text}).version,
        ),
        Mesh(
            "linkerd",
            "Linkerd",
            LINKERD_CHARTS,
            versions.LINKERD,
            versions.LINKERD_CHARTS,
            "edge-26.7.2",
            lambda text: parse(LinkerdSettings, {"version": text}).chart_version,
        ),
    )
}
"""Meshes by kind."""


def asked(text: str) -> tuple[Mesh, str]:
    """The mesh and the version that an upgrade is asked for.

    Args:
        text: ``istio=1.31.2`` or ``linkerd=edge-26.7.2``.

    Raises:
        CommandError: The text names no mesh, or a version that its settings refuse.
    """
    name, _, version = text.partition("=")
    if name not in MESHES or not version:
        examples = " or ".join(f"{one.kind}={one.example}" for one in MESHES.values())
        raise CommandError(f"--upgrade {text}: not a version of a mesh", remedy=f"give one like {examples}")
    mesh, wanted = MESHES[name], version.removeprefix("v")
    try:
        mesh.chart_version(wanted)
    except InvalidSettingsError as error:
        first = error.problems[0]
        raise CommandError(f"--upgrade {text}: {first.reason}", remedy=first.remedy) from None
    return mesh, wanted
