"""The certificate of a gateway: a Secret, and the right to read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otel_mesh.core.errors import InvalidSettingsError, Problem
from otel_mesh.k8s.manifests import Manifest, metadata

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pulumi

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
    problems = []
    if (certificate is None) != (private_key is None):
        missing = "certificate" if certificate is None else "private_key"
        problems.append(
            Problem(
                missing, "is not set although its counterpart is", "set both certificate and private_key, or neither"
            )
        )
    if secret is None and not (certificate is None and private_key is None):
        problems.append(
            Problem("tls_secret", "is not set although a certificate is", "name the Secret to create from it")
        )
    if problems:
        raise InvalidSettingsError(problems)
    if secret is None:
        return []
    made = [] if certificate is None else [_secret(meta, secret, certificate, private_key)]
    return [*made, *_reads_secrets(meta)]


def _secret(
    meta: Mapping[str, Any],
    name: pulumi.Input[str],
    certificate: pulumi.Input[str],
    private_key: pulumi.Input[str] | None,
) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata(name, meta["labels"], namespace=meta["namespace"]),
        "type": "kubernetes.io/tls",
        "stringData": {"tls.crt": certificate, "tls.key": private_key},
    }


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
