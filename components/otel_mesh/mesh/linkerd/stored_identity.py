"""Certificates of a mesh as resources: generated once and kept in the state, or given."""

from __future__ import annotations

import base64
import importlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import pulumi

from otel_mesh.core.labels import Role, recommended
from otel_mesh.k8s.manifests import Manifest, metadata
from otel_mesh.mesh.linkerd.authority import WEBHOOKS, Generation, Pair, generate
from otel_mesh.mesh.linkerd.identity_settings import IDENTITY_ISSUER

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from otel_mesh.mesh.linkerd.settings import LinkerdSettings

_CERTIFICATE: Final = "tls.crt"
_KEY: Final = "tls.key"
_ANCHOR: Final = "anchor.crt"
_ISSUER: Final = "issuer"


@dataclass(frozen=True, kw_only=True)
class GivenIdentity:
    """Certificates of the user's own.

    Attributes:
        trust_anchors: Trust anchors in PEM: one, or during a rotation the present and the next one.
        issuer_certificate: Certificate of the issuer in PEM; None if the Secret ``linkerd-identity-issuer`` exists, or
            cert-manager makes it.
        issuer_key: Private key of the issuer in PEM, a secret output; None like ``issuer_certificate``.
    """

    trust_anchors: pulumi.Input[str]
    issuer_certificate: pulumi.Input[str] | None = None
    issuer_key: pulumi.Input[str] | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class StoredGeneration:
    """One generation in the state: the same values at every later run.

    Attributes:
        resource: Secret that holds the generation.
        values: Contents of the Secret, in base64.
    """

    resource: pulumi.Resource
    values: pulumi.Output[Mapping[str, str]]

    def text(self, key: str) -> pulumi.Output[str]:
        """A public value in PEM.

        Args:
            key: Key of the value.
        """
        return pulumi.Output.unsecret(self.values.apply(lambda found: base64.b64decode(found[key]).decode()))

    def secret(self, key: str) -> pulumi.Output[str]:
        """A private value in base64.

        Args:
            key: Key of the value.
        """
        return pulumi.Output.secret(self.values.apply(lambda found: found[key]))


def stored_generation(
    name: str,
    number: int,
    settings: LinkerdSettings,
    options: pulumi.ResourceOptions,
    *,
    placeholder: str | None,
) -> StoredGeneration:
    """A generation of certificates, generated at its first deployment and kept ever since.

    Every run generates one, and the engine ignores all but the first: what is in the state wins. So the keys are
    nowhere but in the state, encrypted, and in the cluster's Secrets.

    Args:
        name: Name of the mesh in the stack.
        number: Number of the generation.
        settings: Settings of the mesh.
        options: Options of the Secret.
        placeholder: Text in place of every certificate and key, for objects that are only written; None for real ones.
    """
    made = (
        _same(placeholder)
        if placeholder is not None
        else generate(settings.trust_domain, settings.namespace, settings.identity.lifetime_days)
    )
    kept = pulumi.ResourceOptions(ignore_changes=["data"], additional_secret_outputs=["data"])
    core = importlib.import_module("pulumi_kubernetes.core.v1")
    object_name = f"otel-mesh-identity-{number}"
    resource = core.Secret(
        f"{name}-identity-{number}",
        metadata=_metadata(object_name, settings.namespace),
        data=pulumi.Output.secret(generation_data(made)),
        opts=pulumi.ResourceOptions.merge(options, kept),
    )
    return StoredGeneration(resource=resource, values=resource.data)


def _same(text: str) -> Generation:
    pair = Pair(certificate=text, key=text)
    return Generation(anchor=text, issuer=pair, webhooks=dict.fromkeys(WEBHOOKS, pair))


def generation_data(generation: Generation) -> dict[str, str]:
    """The contents of the Secret that keeps a generation, in base64.

    Args:
        generation: Certificates.
    """
    texts = {_ANCHOR: generation.anchor}
    for name, pair in ((_ISSUER, generation.issuer), *generation.webhooks.items()):
        texts |= {f"{name}.crt": pair.certificate, f"{name}.key": pair.key}
    return {key: _base64(text) for key, text in texts.items()}


def trust_anchors(stored: Iterable[StoredGeneration]) -> pulumi.Output[str]:
    """The trust anchors of all generations in PEM.

    Args:
        stored: Generations.
    """
    return _joined(one.text(_ANCHOR) for one in stored)


def webhook_authorities(stored: Iterable[StoredGeneration]) -> dict[str, pulumi.Output[str]]:
    """The certificates by which the API server verifies each webhook, of all generations, in PEM.

    Args:
        stored: Generations.
    """
    listed = tuple(stored)
    return {name: _joined(one.text(f"{name}.crt") for one in listed) for name in WEBHOOKS}


def webhook_secrets(stored: StoredGeneration, namespace: str) -> list[Manifest]:
    """The Secrets that the control plane's webhooks read.

    Args:
        stored: Generation of the certificates.
        namespace: Namespace of the control plane.
    """
    return [_tls_secret(f"linkerd-{one}-k8s-tls", namespace, *_pair(stored, one)) for one in WEBHOOKS]


def generated_issuer(stored: StoredGeneration, namespace: str) -> Manifest:
    """The Secret of the issuer of a generation.

    Args:
        stored: The generation.
        namespace: Namespace of the control plane.
    """
    return _tls_secret(IDENTITY_ISSUER, namespace, *_pair(stored, _ISSUER))


def given_issuer(certificate: pulumi.Input[str], key: pulumi.Input[str], namespace: str) -> Manifest:
    """The Secret of the user's own issuer.

    Args:
        certificate: Certificate in PEM.
        key: Private key in PEM.
        namespace: Namespace of the control plane.
    """
    return _tls_secret(IDENTITY_ISSUER, namespace, _encoded(certificate), pulumi.Output.secret(key).apply(_base64))


def issued_by_cert_manager(settings: LinkerdSettings) -> Manifest:
    """cert-manager's Certificate that keeps the Secret of the issuer.

    Args:
        settings: Settings of the mesh, with cert-manager's issuer.

    Raises:
        ValueError: The settings name no issuer.
    """
    issuer = settings.identity.cert_manager
    if issuer is None:
        raise ValueError("no cert-manager issuer in the settings")
    host = f"identity.{settings.namespace}.{settings.trust_domain}"
    return {
        "apiVersion": "cert-manager.io/v1",
        "kind": "Certificate",
        "metadata": _metadata(IDENTITY_ISSUER, settings.namespace),
        "spec": {
            "secretName": IDENTITY_ISSUER,
            "duration": f"{issuer.duration}h0m0s",
            "renewBefore": f"{issuer.duration // 3}h0m0s",
            "issuerRef": {"group": "cert-manager.io", "kind": issuer.kind, "name": issuer.name},
            "commonName": host,
            "dnsNames": [host],
            "isCA": True,
            "privateKey": {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"},
            "usages": ["cert sign", "crl sign", "server auth", "client auth"],
        },
    }


def _pair(stored: StoredGeneration, name: str) -> tuple[pulumi.Output[str], pulumi.Output[str]]:
    return stored.secret(f"{name}.crt"), stored.secret(f"{name}.key")


def _joined(texts: Iterable[pulumi.Output[str]]) -> pulumi.Output[str]:
    return pulumi.Output.all(*texts).apply(lambda found: "".join(str(one) for one in found))


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _encoded(text: pulumi.Input[str]) -> pulumi.Output[str]:
    return pulumi.Output.from_input(text).apply(_base64)


def _tls_secret(name: str, namespace: str, certificate: pulumi.Input[str], key: pulumi.Input[str]) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": _metadata(name, namespace),
        "type": "kubernetes.io/tls",
        "data": {_CERTIFICATE: certificate, _KEY: key},
    }


def _metadata(name: str, namespace: str) -> Manifest:
    return metadata(name, recommended("linkerd", name, Role.MESH), namespace=namespace)
