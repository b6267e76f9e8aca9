"""The renderer of each mesh."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_mesh.core.errors import InvalidSettingsError, Problem
from otel_mesh.mesh.istio.renderer import IstioRenderer
from otel_mesh.mesh.linkerd.renderer import LinkerdRenderer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_mesh.mesh.binding import MeshBinding, MeshKind
    from otel_mesh.mesh.renderer import MeshRenderer

_RENDERERS: Final[Mapping[str, MeshRenderer]] = {"istio": IstioRenderer(), "linkerd": LinkerdRenderer()}


def renderer(mesh: MeshBinding | MeshKind) -> MeshRenderer:
    """The renderer of a mesh.

    Args:
        mesh: Binding of the mesh, or its kind.

    Raises:
        InvalidSettingsError: There is no mesh.
    """
    found = _RENDERERS.get(mesh if isinstance(mesh, str) else mesh.kind)
    if found is None:
        raise InvalidSettingsError([Problem("", "needs a mesh", "install one, or remove the policy")])
    return found
