"""Pods of the mesh that came up without their sidecar: nothing that they send or take is secured or seen."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from otel_mesh_embedded.node.machine import cgroups

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_mesh_embedded.node.api import Api

PROXY = "istio-proxy"
_REVISION = "istio.io/rev"
INJECT = "sidecar.istio.io/inject"


def without_sidecar(api: Api) -> list[tuple[str, str]]:
    """Namespace and name of each such pod, as the API server has them now."""
    namespaces: dict[str, Any] = api.get("/api/v1/namespaces") or {"items": []}
    meshed = [one["metadata"]["name"] for one in namespaces["items"] if _REVISION in one["metadata"].get("labels", {})]
    found = []
    for namespace in meshed:
        pods: dict[str, Any] = api.get(f"/api/v1/namespaces/{namespace}/pods") or {"items": []}
        found += [(namespace, pod["metadata"]["name"]) for pod in pods["items"] if lacks_sidecar(pod)]
    return found


def lacks_sidecar(pod: Mapping[str, Any]) -> bool:
    """Whether a pod of a meshed namespace ought to have a sidecar and has none."""
    if pod["metadata"].get("labels", {}).get(INJECT) == "false" or "deletionTimestamp" in pod["metadata"]:
        return False
    spec = pod["spec"]
    return PROXY not in {one["name"] for one in (*spec["containers"], *spec.get("initContainers", ()))}


def remedy(namespace: str, name: str) -> str:
    """The command that makes the pod again, with its sidecar."""
    return f"kubectl -n {namespace} delete pod {name}"


def processes(pod: str) -> list[int]:
    """The processes of a pod's proxy (its agent and Envoy), as the node numbers them."""
    found = []
    for pid in cgroups.pods():
        try:
            environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        except OSError:  # it has ended meanwhile
            continue
        if f"POD_NAME={pod}".encode() in environment and b"PILOT_CERT_PROVIDER=istiod" in environment:
            found.append(pid)
    return found
