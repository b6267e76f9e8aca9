"""Pods of the mesh without their sidecar, whose traffic is neither secured nor observed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_mesh_embedded.node.api import Api

PROXY = "istio-proxy"
_REVISION = "istio.io/rev"
INJECT = "sidecar.istio.io/inject"


def without_sidecar(api: Api) -> list[tuple[str, str]]:
    """Namespace and name of each such pod, as the API server has them now."""
    namespaces = (one["metadata"] for one in api.items("/api/v1/namespaces"))
    return [
        (meta["name"], pod["metadata"]["name"])
        for meta in namespaces
        if _REVISION in meta.get("labels", {})
        for pod in api.items(f"/api/v1/namespaces/{meta['name']}/pods")
        if lacks_sidecar(pod)
    ]


def lacks_sidecar(pod: Mapping[str, Any]) -> bool:
    """True if a pod of a meshed namespace should have a sidecar but has none."""
    if pod["metadata"].get("labels", {}).get(INJECT) == "false" or "deletionTimestamp" in pod["metadata"]:
        return False
    spec = pod["spec"]
    return PROXY not in {one["name"] for one in (*spec["containers"], *spec.get("initContainers", ()))}


def remedy(namespace: str, name: str) -> str:
    """Command that replaces the pod by one with a sidecar."""
    return f"kubectl -n {namespace} delete pod {name}"
