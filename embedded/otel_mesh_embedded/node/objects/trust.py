"""Pods that talk to the API server are replaced after the cluster's authority has changed.

A program reads the authority's certificate when it starts and refuses every other from then on. Kubernetes writes the
new one into each namespace, but nobody tells the programs: their pods are replaced. All other pods go on.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from otel_mesh_cli.core import files
from otel_mesh_cli.core.errors import CommandError
from otel_mesh_embedded.node.waiting import poll
from otel_mesh_embedded.pki import credentials

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from otel_mesh_embedded.node.api import Api
    from otel_mesh_embedded.node.layout import Layout

_CONFIG_MAP = "kube-root-ca.crt"
_ALL_CONFIG_MAPS = f"/api/v1/configmaps?fieldSelector=metadata.name%3D{_CONFIG_MAP}"
_ALL_PODS = "/api/v1/pods"
_TIMEOUT_S = 60.0


def _note(layout: Layout) -> Path:
    """File with the digest of the authority that running pods know."""
    return layout.pki / "spread"


def _digest(layout: Layout) -> str:
    return hashlib.sha256(credentials.authority(layout, credentials.CLUSTER).read_bytes()).hexdigest()


def before_change(layout: Layout) -> None:
    """Note which authority the pods know, if the first start was killed before `spread`."""
    if not _note(layout).exists() and credentials.authority(layout, credentials.CLUSTER).exists():
        files.write(_note(layout), _digest(layout))


def spread(layout: Layout, api: Api, progress: Callable[[str], None]) -> None:
    """Replace the pods that know a former authority; without such a change nothing happens.

    Raises:
        CommandError: the new authority does not reach the namespaces.
    """
    digest = _digest(layout)
    if _note(layout).exists() and _note(layout).read_text() == digest:
        return
    if _note(layout).exists():
        _wait_for_config_maps(layout, api)
        for meta in (pod["metadata"] for pod in api.items(_ALL_PODS) if _uses_api(pod)):
            progress(f"replacing pod {meta['namespace']}/{meta['name']}: it knows the former authority")
            api.delete(f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}")
    files.write(_note(layout), digest)


def _wait_for_config_maps(layout: Layout, api: Api) -> None:
    wanted = credentials.authority(layout, credentials.CLUSTER).read_text().strip()

    def known() -> dict[str, bool]:
        return {
            item["metadata"]["namespace"]: item["data"]["ca.crt"].strip() == wanted
            for item in api.items(_ALL_CONFIG_MAPS)
        }

    if not poll(lambda: all((found := known()).values()) and bool(found), _TIMEOUT_S):
        late = ", ".join(name for name, is_new in known().items() if not is_new) or "all"
        raise CommandError(f"new cluster authority: not in namespaces: {late}", remedy="run `otel-mesh up` again")


def _uses_api(pod: dict[str, Any]) -> bool:
    """True if a controller owns the pod, nobody is deleting it, and it mounts the authority's certificate."""
    sources = [
        source for volume in pod["spec"].get("volumes", []) for source in volume.get("projected", {}).get("sources", [])
    ]
    mounts = any(source.get("configMap", {}).get("name") == _CONFIG_MAP for source in sources)
    return mounts and "ownerReferences" in pod["metadata"] and "deletionTimestamp" not in pod["metadata"]
