"""The binding of the mesh that the running stack has, for objects that tests add to it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from otel_mesh.mesh.istio.binding import istio_binding
from otel_mesh.mesh.linkerd.binding import linkerd_binding
from otel_mesh_cli.stacks import local_stack

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_mesh import CollectorIdentity, MeshBinding

_OF_MESHES = ("istio", "otel-mesh.dev/", "pod-security.kubernetes.io/", "linkerd.io/", "config.linkerd.io/")


def stack_binding(collector: CollectorIdentity | None = None) -> MeshBinding:
    """Binding of the stack's mesh.

    Args:
        collector: Identity of the Collector, where the objects name it.
    """
    mesh = local_stack.settings().mesh
    if mesh.kind == "linkerd":
        return linkerd_binding(mesh.linkerd, collector=collector)
    return istio_binding(mesh.istio, collector=collector)


def namespace_like(kubectl: Callable[..., str], like: str, name: str, **annotations: str) -> dict[str, Any]:
    """A namespace in the mesh, with the pod security of another.

    Args:
        kubectl: Fixture of that name.
        like: Namespace of services in the mesh.
        name: Name of the namespace.
        annotations: Annotations of Linkerd to replace, without ``config.linkerd.io/``; underscores stand for dashes.
    """
    meta = json.loads(kubectl("get", "namespace", like, "-o", "json"))["metadata"]
    labels, notes = (
        {key: value for key, value in (meta.get(part) or {}).items() if key.startswith(_OF_MESHES)}
        for part in ("labels", "annotations")
    )
    replaced = {f"config.linkerd.io/{key.replace('_', '-')}": value for key, value in annotations.items()}
    notes |= {key: value for key, value in replaced.items() if key in notes}
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": name, "labels": labels, "annotations": notes},
    }
