"""What Linkerd's objects of this library share: metadata, references, lengths of time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otel_mesh.core.labels import Role, recommended
from otel_mesh.k8s.manifests import Manifest, metadata
from otel_mesh.mesh.policies.matching import seconds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pulumi

POLICY: Final = "policy.linkerd.io"
"""API group of Linkerd's policies."""
GATEWAY: Final = "gateway.networking.k8s.io"
"""API group of the Gateway API."""


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


def policy(kind: str, name: str, namespace: pulumi.Input[str], spec: dict[str, Any]) -> Manifest:
    """One of Linkerd's policies.

    Args:
        kind: Kind of the object.
        name: Name of the object.
        namespace: Namespace of the object.
        spec: Its ``spec``.
    """
    version = "v1beta3" if kind == "Server" else "v1alpha1"
    return {
        "apiVersion": f"{POLICY}/{version}",
        "kind": kind,
        "metadata": mesh_metadata(name, namespace),
        "spec": spec,
    }


def policy_ref(kind: str, name: str, group: str = POLICY) -> dict[str, str]:
    """A reference to an object of the same namespace.

    Args:
        kind: Kind of the object.
        name: Name of the object.
        group: API group of the object.
    """
    return {"group": group, "kind": kind, "name": name}


def route(  # noqa: PLR0913 - the parts of a route
    kind: str,
    name: str,
    namespace: pulumi.Input[str],
    parent: Mapping[str, Any],
    rules: Sequence[dict[str, Any]],
    *,
    hosts: Sequence[str] = (),
    annotations: Mapping[str, str] | None = None,
) -> Manifest:
    """A route of the Gateway API.

    Args:
        kind: HTTPRoute or GRPCRoute.
        name: Name of the object.
        namespace: Namespace of the object.
        parent: Reference to what the route is attached to.
        rules: Rules of the route.
        hosts: Host names of the requests.
        annotations: Annotations of the object.
    """
    spec: dict[str, Any] = {"parentRefs": [dict(parent)], "rules": list(rules)}
    if hosts:
        spec["hostnames"] = list(hosts)
    return {
        "apiVersion": f"{GATEWAY}/v1",
        "kind": kind,
        "metadata": mesh_metadata(name, namespace, annotations),
        "spec": spec,
    }


def milliseconds(duration: str) -> str:
    """A duration with the single unit that Linkerd's annotations need.

    Args:
        duration: Duration such as ``1m30s``.
    """
    return f"{int(seconds(duration) * 1000)}ms"
