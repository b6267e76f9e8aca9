"""The certificate that a gateway shows: a Secret, and the right to read it."""

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
    secret: str | None,
    certificate: pulumi.Input[str] | None,
    private_key: pulumi.Input[str] | None,
) -> list[Manifest]:
    """What a gateway needs to have for HTTPS; nothing where it has none.

    Args:
        meta: of the gateway's own objects.
        secret: name of the Secret with its certificate; None without HTTPS.
        certificate: that the Secret is made from, PEM; None where it exists.
        private_key: of the certificate, PEM.

    Raises:
        InvalidSettingsError: a certificate without its key, or without a name for their Secret.
    """
    problems = []
    if (certificate is None) != (private_key is None):
        missing = "certificate" if certificate is None else "private_key"
        problems.append(Problem(missing, "is missing beside its other half", "give both, or neither"))
    if secret is None and not (certificate is None and private_key is None):
        problems.append(Problem("tls_secret", "required beside a certificate", "name the Secret that it becomes"))
    if problems:
        raise InvalidSettingsError(problems)
    if secret is None:
        return []
    made = [] if certificate is None else [_secret(meta, secret, certificate, private_key)]
    return [*made, *_reads_secrets(meta)]


def _secret(
    meta: Mapping[str, Any],
    name: str,
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
    """A gateway gets a certificate from istiod if its own account may read the Secret."""
    return [
        {
            "apiVersion": f"{_RBAC}/v1",
            "kind": "Role",
            "metadata": dict(meta),
            # istiod asks whether it may list: names can't be given for that
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
