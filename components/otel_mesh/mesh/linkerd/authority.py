"""Certificates that an installation generates for itself, once."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

if TYPE_CHECKING:
    from collections.abc import Sequence

_BACKDATED: Final = timedelta(minutes=5)
"""Difference of clocks that does not matter."""
WEBHOOKS: Final = ("proxy-injector", "sp-validator", "policy-validator")
"""Services of the control plane that the API server calls."""


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A certificate and its private key.

    Attributes:
        certificate: Certificate in PEM.
        key: Private key in PEM.
    """

    certificate: str
    key: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Generation:
    """Everything that one generation of a mesh's identity consists of.

    Attributes:
        anchor: Trust anchor in PEM. Its key is never stored: a new issuer comes with a new anchor.
        issuer: Issuer of the workloads' certificates.
        webhooks: Self-signed certificates by the name of the webhook.
    """

    anchor: str
    issuer: Pair
    webhooks: dict[str, Pair]


def generate(trust_domain: str, namespace: str, days: int, now: datetime | None = None) -> Generation:
    """Generates the certificates of a mesh, all with keys on the curve P-256.

    Args:
        trust_domain: Trust domain of the mesh.
        namespace: Namespace of the control plane.
        days: Lifetime of all certificates in days.
        now: Present time; None for the clock's.
    """
    begin = (now or datetime.now(UTC)) - _BACKDATED
    lifetime = (begin, begin + _BACKDATED + timedelta(days=days))
    root_key, issuer_key = _key(), _key()
    root_name, issuer_name = f"root.linkerd.{trust_domain}", f"identity.linkerd.{trust_domain}"
    root = _authority(root_name, root_key, lifetime, path_length=1).sign(root_key, SHA256())
    issuer = _authority(issuer_name, issuer_key, lifetime, path_length=0, issuer=root.subject)
    signed = issuer.sign(root_key, SHA256())
    return Generation(
        anchor=_pem(root),
        issuer=Pair(certificate=_pem(signed), key=_private(issuer_key)),
        webhooks={name: _server(f"linkerd-{name}.{namespace}.svc", lifetime) for name in WEBHOOKS},
    )


Lifetime = tuple[datetime, datetime]


def _key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _started(
    name: str, key: ec.EllipticCurvePrivateKey, lifetime: Lifetime, issuer: x509.Name | None = None
) -> x509.CertificateBuilder:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer or subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(lifetime[0])
        .not_valid_after(lifetime[1])
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    )


def _authority(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    lifetime: Lifetime,
    *,
    path_length: int,
    issuer: x509.Name | None = None,
) -> x509.CertificateBuilder:
    signs = _usage(["key_cert_sign", "crl_sign"])
    constraints = x509.BasicConstraints(ca=True, path_length=path_length)
    made = _started(name, key, lifetime, issuer)
    return made.add_extension(constraints, critical=True).add_extension(signs, critical=True)


def _server(host: str, lifetime: Lifetime) -> Pair:
    """A certificate that is its own authority: the API server verifies a webhook by it alone."""
    key = _key()
    made = (
        _started(host, key, lifetime)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(["digital_signature", "key_cert_sign"]), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    )
    return Pair(certificate=_pem(made.sign(key, SHA256())), key=_private(key))


_USAGES: Final = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


def _usage(chosen: Sequence[str]) -> x509.KeyUsage:
    return x509.KeyUsage(**{name: name in chosen for name in _USAGES})


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()


def _private(key: ec.EllipticCurvePrivateKey) -> str:
    # the policy controller reads no other form of this kind of key
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
