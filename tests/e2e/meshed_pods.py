"""The pods of the services in the mesh, with their sidecars."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from otel_mesh_cli.stacks.sidecars import PROXIES
from otel_mesh_embedded.node.machine import cgroups
from tests.e2e.cluster_objects import get

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

OUTSIDE = {"jaeger", "prometheus", "victoria-logs", "alertmanager"}
"""Deliberately not in the mesh (see their settings)."""
PATIENCE = 120.0
"""Timeout in seconds for a change of the pods."""


def sidecars(kubectl: Callable[..., str]) -> dict[str, bool]:
    """Readiness of each pod of the services with its sidecar, by pod name."""
    listed = json.loads(kubectl("get", "pods", "-n", "shop", "-o", "json"))["items"]
    return {pod["metadata"]["name"]: is_whole(pod) for pod in listed}


def is_whole(pod: dict[str, Any]) -> bool:
    """True if a pod and its sidecar are ready and the pod is not terminating."""
    statuses = [*pod["status"].get("initContainerStatuses", []), *pod["status"].get("containerStatuses", [])]
    ready = {status["name"]: status["ready"] for status in statuses}
    is_meshed = not ready.keys().isdisjoint(PROXIES)
    return "deletionTimestamp" not in pod["metadata"] and is_meshed and all(ready.values())


def until_whole(kubectl: Callable[..., str]) -> None:
    """Wait until every pod of the services is ready with its sidecar."""
    deadline = time.monotonic() + PATIENCE
    while not (found := sidecars(kubectl)) or not all(found.values()):
        assert time.monotonic() < deadline, found
        time.sleep(1)


def restarts(kubectl: Callable[..., str], pod: str) -> int:
    """Restart count of the pod's sidecar."""
    statuses = json.loads(kubectl("get", "pod", "-n", "shop", pod, "-o", "json"))["status"]["initContainerStatuses"]
    return next(int(status["restartCount"]) for status in statuses if status["name"] in PROXIES)


def proxy_processes(pod: str) -> list[int]:
    """The processes of a pod's proxy (Istio's agent and Envoy, or Linkerd's), as the node numbers them."""
    named = ((f"POD_NAME={pod}".encode(), b"PILOT_CERT_PROVIDER=istiod"), (f"_pod_name={pod}".encode(),))
    found = []
    for pid in cgroups.pods():
        try:
            environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        except OSError:  # it has ended meanwhile
            continue
        if any(all(one in environment for one in words) for words in named):
            found.append(pid)
    return found


def require_proxies(found: Iterable[Mapping[str, Any]], proxy: str) -> None:
    """Fail unless each pod of the mesh, and no other, has its proxy, and all are ready.

    Args:
        found: Running pods of the environment.
        proxy: Name of the proxy's container.
    """
    by_name = [(pod["metadata"]["labels"]["app.kubernetes.io/name"], pod["status"]) for pod in found]
    assert {name for name, _ in by_name} >= {"otel-collector", *OUTSIDE}
    for name, status in by_name:
        statuses = [*status["containerStatuses"], *status.get("initContainerStatuses", [])]
        proxies = [one for one in statuses if one["name"] == proxy]
        assert len(proxies) == (0 if name in OUTSIDE else 1), name
        assert all(one["ready"] for one in (*status["containerStatuses"], *proxies)), name


def pod_security(kubectl: Callable[..., str]) -> dict[str, str | None]:
    """The pod security that each namespace enforces, by its name."""
    found = (one["metadata"] for one in get(kubectl, "namespaces"))
    return {one["name"]: one["labels"].get("pod-security.kubernetes.io/enforce") for one in found}
