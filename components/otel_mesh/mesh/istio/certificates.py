"""The right of a gateway to read the Secret with its certificate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_mesh.k8s.manifests import Manifest

_RBAC: Final = "rbac.authorization.k8s.io"


def secret_reader(meta: Mapping[str, Any]) -> list[Manifest]:
    """The right to read Secrets: istiod gives a gateway a certificate only if the gateway itself may read it.

    Args:
        meta: Metadata of the gateway's objects.
    """
    return [
        {
            "apiVersion": f"{_RBAC}/v1",
            "kind": "Role",
            "metadata": dict(meta),
            # istiod checks the verb "list", which cannot be restricted to names
            "rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "watch", "list"]}],
        },
        {
            "apiVersion": f"{_RBAC}/v1",
            "kind": "RoleBinding",
            "metadata": dict(meta),
            "roleRef": {"apiGroup": _RBAC, "kind": "Role", "name": meta["name"]},
            "subjects": [{"kind": "ServiceAccount", "name": meta["name"], "namespace": meta["namespace"]}],
        },
    ]
