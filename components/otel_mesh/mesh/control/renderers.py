"""The renderer of each mesh."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_mesh.core.errors import InvalidSettingsError, Problem
from otel_mesh.mesh.istio.renderer import IstioRenderer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_mesh.mesh.binding import MeshBinding
    from otel_mesh.mesh.renderer import MeshRenderer

_RENDERERS: Final[Mapping[str, MeshRenderer]] = {"istio": IstioRenderer()}


def renderer(binding: MeshBinding) -> MeshRenderer:
    """The renderer of a mesh.

    Args:
        binding: Binding of the mesh.

    Raises:
        InvalidSettingsError: There is no mesh.
    """
    found = _RENDERERS.get(binding.kind)
    if found is None:
        raise InvalidSettingsError([Problem("", "needs a mesh", "install one, or remove the policy")])
    return found
