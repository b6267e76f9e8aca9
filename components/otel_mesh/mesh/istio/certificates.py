"""The certificate of a gateway: a Secret, and the right to read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otel_mesh.mesh.policies.certificates import certificate_secret

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pulumi

    from otel_mesh.k8s.manifests import Manifest

_RBAC: Final = "rbac.authorization.k8s.io"


def manifests(
    meta: Mapping[str, Any],
    secret: pulumi.Input[str] | None,
    certificate: pulumi.Input[str] | None,
    private_key: pulumi.Input[str] | None,
) -> list[Manifest]:
    """The Kubernetes objects that a gateway needs for HTTPS; none without HTTPS.

    Args:
        meta: Metadata of the gateway's objects.
        secret: Name of the Secret with the certificate; None without HTTPS.
        certificate: Certificate chain in PEM from which the Secret is made; None if the Secret exists already.
        private_key: Private key of the certificate in PEM.

    Raises:
        InvalidSettingsError: The certificate has no key, or no name of a Secret.
    """
    made = certificate_secret(meta, secret, certificate, private_key)
    return [*made, *_reads_secrets(meta)] if secret is not None else []


def _reads_secrets(meta: Mapping[str, Any]) -> list[Manifest]:
    """The right to read Secrets: istiod gives a gateway a certificate only if the gateway itself may read it."""
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
