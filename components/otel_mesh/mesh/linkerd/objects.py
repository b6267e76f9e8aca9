"""What Linkerd's objects of this library share: metadata, references, lengths of time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otel_mesh.core.labels import Role, recommended
from otel_mesh.k8s.manifests import metadata
from otel_mesh.mesh.linkerd.kinds import POLICY
from otel_mesh.mesh.policies.matching import seconds

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pulumi

    from otel_mesh.mesh.gateway_api.route_types import PathMatch, Reference

ANY_PATH: Final[PathMatch] = {"type": "PathPrefix", "value": "/"}
"""The condition that every path fulfils."""


def mesh_metadata(
    name: str, namespace: pulumi.Input[str], annotations: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Metadata of an object that configures the mesh.

    Args:
        name: Name of the object.
        namespace: Namespace of the object.
        annotations: Annotations of the object.
    """
    return metadata(name, recommended("linkerd", name, Role.MESH), namespace=namespace, annotations=annotations)


def policy_ref(kind: str, name: str, group: str = POLICY) -> Reference:
    """A reference to an object of the same namespace.

    Args:
        kind: Kind of the object.
        name: Name of the object.
        group: API group of the object.
    """
    return {"group": group, "kind": kind, "name": name}


def milliseconds(duration: str) -> str:
    """A duration with the single unit that Linkerd's annotations need.

    Args:
        duration: Duration such as ``1m30s``.
    """
    return f"{int(seconds(duration) * 1000)}ms"
