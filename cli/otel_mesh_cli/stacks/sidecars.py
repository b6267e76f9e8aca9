"""Pods of the mesh without their sidecar, whose traffic is neither secured nor observed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PROXY = "istio-proxy"
PROXIES = (PROXY, "linkerd-proxy")
_MESHED = ("istio.io/rev", "otel-mesh.dev/mesh")
INJECT = "sidecar.istio.io/inject"
_LINKERD_INJECT = "linkerd.io/inject"


def without_sidecar(items: Callable[[str], list[dict[str, Any]]]) -> list[tuple[str, str]]:
    """Namespace and name of each such pod.

    Args:
        items: Objects of the list at a path of the API.
    """
    namespaces = (one["metadata"] for one in items("/api/v1/namespaces"))
    return [
        (meta["name"], pod["metadata"]["name"])
        for meta in namespaces
        if any(label in meta.get("labels", {}) for label in _MESHED)
        for pod in items(f"/api/v1/namespaces/{meta['name']}/pods")
        if lacks_sidecar(pod)
    ]


def lacks_sidecar(pod: Mapping[str, Any]) -> bool:
    """True if a pod of a meshed namespace should have a sidecar but has none."""
    meta, spec = pod["metadata"], pod["spec"]
    is_outside = (
        meta.get("labels", {}).get(INJECT) == "false" or meta.get("annotations", {}).get(_LINKERD_INJECT) == "disabled"
    )
    if is_outside or "deletionTimestamp" in meta:
        return False
    return not {one["name"] for one in (*spec["containers"], *spec.get("initContainers", ()))}.intersection(PROXIES)


def remedy(namespace: str, name: str) -> str:
    """Command that replaces the pod by one with a sidecar."""
    return f"kubectl -n {namespace} delete pod {name}"
