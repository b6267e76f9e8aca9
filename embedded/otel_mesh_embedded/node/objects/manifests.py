"""What every cluster of ours holds from its start: access rules, storage, DNS."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import yaml

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_embedded.node.objects import coredns, storage
from otel_mesh_embedded.pki import credentials

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_mesh_embedded.node.layout import Layout
    from otel_mesh_embedded.node.programs import Programs

_FIELD_MANAGER = "otel-mesh-local"
_TIMEOUT_S = 30


def kubelet_access() -> dict[str, Any]:
    """The API server may use kubelet: logs, exec, port-forward."""
    user = {
        "apiGroup": "rbac.authorization.k8s.io",
        "kind": "User",
        "name": credentials.API_SERVER_TO_KUBELET.common_name,
    }
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "otel-mesh:kube-apiserver-kubelet"},
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": "system:kubelet-api-admin",
        },
        "subjects": [user],
    }


def public_access() -> dict[str, Any]:
    """Kubernetes lets everybody read its version and its health; here one has to say who one is."""
    group = "rbac.authorization.k8s.io"
    name = "system:public-info-viewer"
    return {
        "apiVersion": f"{group}/v1",
        "kind": "ClusterRoleBinding",
        # Without the annotation the API server gives it back to everybody at its next start.
        "metadata": {"name": name, "annotations": {f"{group}/autoupdate": "false"}},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": name},
        "subjects": [{"apiGroup": group, "kind": "Group", "name": "system:authenticated"}],
    }


def build(*, coredns_image: str, name_servers: Sequence[str]) -> list[dict[str, Any]]:
    """All objects.

    Args:
        coredns_image: reference of an imported image.
        name_servers: where questions about other names go.
    """
    return [
        kubelet_access(),
        public_access(),
        *storage.manifests(),
        *coredns.manifests(coredns_image, name_servers),
    ]


def apply(layout: Layout, programs: Programs, objects: Sequence[dict[str, Any]]) -> None:
    """Apply the objects server-side; ours wins where someone changed a field of them.

    Raises:
        CommandError: the API server refuses one.
    """
    words = ("apply", "--server-side", "--force-conflicts", f"--field-manager={_FIELD_MANAGER}", "--filename=-")
    text = yaml.safe_dump_all(objects, sort_keys=False)
    command = [
        programs.tool("kubectl"),
        f"--kubeconfig={layout.kubeconfig}",
        f"--request-timeout={_TIMEOUT_S}s",
        *words,
    ]
    done = subprocess.run(
        command, input=text, env=dict(programs.environment), capture_output=True, text=True, check=False
    )
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise CommandError(f"cluster's own objects: {reason}", remedy="run `make up` again")
