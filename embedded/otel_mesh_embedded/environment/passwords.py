"""New passwords of the stores reach their pods on this node."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from otel_mesh.k8s.passwords import PASSWORD_KEY
from otel_mesh_cli.core import secrets
from otel_mesh_cli.stacks import local_stack, store_passwords
from otel_mesh_embedded.node.api import Api
from otel_mesh_embedded.node.layout import layout
from otel_mesh_embedded.node.waiting import poll

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from otel_mesh_embedded.node.layout import Layout

_DELIVERY_TIMEOUT_S = 120.0
_ANNOTATION = "otel-mesh.local/password-renewed"


def follow(tools: Path, progress: Callable[[str], None]) -> bool:
    """As of `store_passwords.follow`, on this node; tools is a folder with kubectl."""
    where = layout()
    kubectl = (str(tools / "kubectl"), f"--kubeconfig={where.kubeconfig}")
    return store_passwords.follow(Api(where).get, kubectl, progress)


def deliver() -> None:
    """Deliver new passwords to the pods at once; kubelet by itself takes up to 90 s.

    A changed pod is looked at by kubelet without delay, with all that is mounted into it. Whatever fails here comes
    right by itself.
    """
    where = layout()
    api = Api(where)
    pods = f"/api/v1/namespaces/{local_stack.settings().namespaces.services}/pods"
    for pod in api.items(f"{pods}?labelSelector=app.kubernetes.io/name%3Dredis"):
        api.delete(f"{pods}/{pod['metadata']['name']}")
    late = [(pod["metadata"], path, wanted) for pod in api.items(pods) for path, wanted in _mounted(where, pod)]
    for meta, _, _ in late:
        seen = {"metadata": {"annotations": {_ANNOTATION: f"{time.time():.0f}"}}}
        api.merge(f"{pods}/{meta['name']}", seen)
    poll(lambda: not any(_holds_other(path, wanted) for _, path, wanted in late), _DELIVERY_TIMEOUT_S)


def _holds_other(path: Path, wanted: str) -> bool:
    try:
        return path.read_text() != wanted
    except FileNotFoundError:  # the pod is gone, or has nothing mounted yet
        return False


def _mounted(where: Layout, pod: dict[str, Any]) -> list[tuple[Path, str]]:
    """Password files of a pod in kubelet's folder, with the content they should have."""
    volumes = where.kubelet / "pods" / pod["metadata"]["uid"] / "volumes" / "kubernetes.io~secret"
    named = [(one["name"], one.get("secret", {}).get("secretName")) for one in pod["spec"]["volumes"]]
    return [
        (volumes / name / PASSWORD_KEY, (secrets.secrets_dir() / store_passwords.FILES[secret]).read_text())
        for name, secret in named
        if secret in store_passwords.FILES
    ]
