"""The certificate of a gateway, as a Secret."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_mesh.core.errors import InvalidSettingsError, Problem
from otel_mesh.k8s.manifests import Manifest, metadata

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pulumi


def certificate_secret(
    meta: Mapping[str, Any],
    secret: pulumi.Input[str] | None,
    certificate: pulumi.Input[str] | None,
    private_key: pulumi.Input[str] | None,
) -> list[Manifest]:
    """The Secret with a gateway's certificate; none if it exists already, or without HTTPS.

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
    if secret is None or certificate is None:
        return []
    return [
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": metadata(secret, meta["labels"], namespace=meta["namespace"]),
            "type": "kubernetes.io/tls",
            "stringData": {"tls.crt": certificate, "tls.key": private_key},
        }
    ]
