"""Certificate authorities and the certificates they issue, kept as PEM files and renewed before they end."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from local import files

if TYPE_CHECKING:
    from collections.abc import Iterable
    from ipaddress import IPv4Address
    from pathlib import Path

AUTHORITY_LIFETIME = dt.timedelta(days=3650)
LEAF_LIFETIME = dt.timedelta(days=365)
RENEW_BEFORE = dt.timedelta(days=30)
_BACKDATED = dt.timedelta(days=1)  # a clock that is set back a little does not make a certificate invalid


@dataclass(frozen=True)
class Leaf:
    """A certificate that a program shows to others."""

    name: str
    """Of its files: ``<name>.crt`` and ``<name>.key``."""
    authority: str
    """Which authority signs it."""
    common_name: str
    """Kubernetes' user name when it is a client's."""
    organization: str | None = None
    """Kubernetes' group when it is a client's."""
    server: bool = False
    client: bool = False
    dns_names: tuple[str, ...] = ()
    addresses: tuple[IPv4Address, ...] = ()

    @property
    def subject(self) -> x509.Name:
        """The distinguished name."""
        parts = [x509.NameAttribute(NameOID.COMMON_NAME, self.common_name)]
        if self.organization is not None:
            parts.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, self.organization))
        return x509.Name(parts)

    @property
    def alternative_names(self) -> list[x509.GeneralName]:
        """What a client may call the server."""
        return [*map(x509.DNSName, self.dns_names), *map(x509.IPAddress, self.addresses)]

    @property
    def usages(self) -> list[x509.ObjectIdentifier]:
        """What the certificate may be used for."""
        wanted = ((self.server, ExtendedKeyUsageOID.SERVER_AUTH), (self.client, ExtendedKeyUsageOID.CLIENT_AUTH))
        return [usage for is_wanted, usage in wanted if is_wanted]


@dataclass(frozen=True)
class _Pair:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def certificate_path(folder: Path, name: str) -> Path:
    """Where a certificate lies."""
    return folder / f"{name}.crt"


def key_path(folder: Path, name: str) -> Path:
    """Where its private key lies."""
    return folder / f"{name}.key"


def ensure(
    folder: Path, authorities: Iterable[str], leaves: Iterable[Leaf], *, now: dt.datetime | None = None
) -> frozenset[str]:
    """Issue what is missing, does not fit or ends within 30 days.

    A pair of which only one half was written when its writer was killed does not fit together and is issued anew.
    An authority that is replaced takes all its certificates with it.

    Args:
        folder: an existing folder.
        authorities: names of the self-signed authorities.
        leaves: the certificates wanted.
        now: the current time, for tests.

    Returns:
        Names of the authorities and leaves that were issued.
    """
    moment = now or dt.datetime.now(dt.UTC)
    issued: set[str] = set()
    pairs: dict[str, _Pair] = {}
    for name in authorities:
        pair = _load(folder, name)
        if pair is None or not _in_time(pair.certificate, moment):
            pair = _authority(name, moment)
            _save(folder, name, pair)
            issued.add(name)
        pairs[name] = pair
    for leaf in leaves:
        pair = _load(folder, leaf.name)
        issuer = pairs[leaf.authority]
        if pair is None or not _fits(pair.certificate, leaf, issuer.certificate, moment):
            _save(folder, leaf.name, _issue(leaf, issuer, moment))
            issued.add(leaf.name)
    return frozenset(issued)


def ensure_signing_key(folder: Path, name: str) -> bool:
    """Make a key pair for signing tokens once; it is never replaced, since tokens in use depend on it.

    Args:
        folder: an existing folder.
        name: of the files ``<name>.key`` and ``<name>.pub``.

    Returns:
        Whether the key was made now.
    """
    path = key_path(folder, name)
    made = not path.exists()
    if made:
        files.write(path, _key_pem(ec.generate_private_key(ec.SECP256R1())))
    key = load_pem_private_key(path.read_bytes(), password=None)
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    files.write(folder / f"{name}.pub", public)
    return made


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _save(folder: Path, name: str, pair: _Pair) -> None:
    files.write(key_path(folder, name), _key_pem(pair.key))
    files.write(certificate_path(folder, name), pair.certificate.public_bytes(Encoding.PEM))


def _load(folder: Path, name: str) -> _Pair | None:
    try:
        certificate = x509.load_pem_x509_certificate(certificate_path(folder, name).read_bytes())
        key = load_pem_private_key(key_path(folder, name).read_bytes(), password=None)
    except (FileNotFoundError, ValueError):
        return None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        return None
    return _Pair(certificate, key)


def _in_time(certificate: x509.Certificate, moment: dt.datetime) -> bool:
    return certificate.not_valid_before_utc <= moment and moment + RENEW_BEFORE < certificate.not_valid_after_utc


def _fits(certificate: x509.Certificate, leaf: Leaf, issuer: x509.Certificate, moment: dt.datetime) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, InvalidSignature):
        return False
    try:
        names = list(certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except x509.ExtensionNotFound:
        names = []
    usages = list(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
    wanted = (leaf.subject, leaf.alternative_names, leaf.usages)
    return (certificate.subject, names, usages) == wanted and _in_time(certificate, moment)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, moment: dt.datetime, lifetime: dt.timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(moment - _BACKDATED)
        .not_valid_after(moment + lifetime)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _authority(name: str, moment: dt.datetime) -> _Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"otel-mesh-local {name}")])
    certificate = (
        _builder(subject, subject, key, moment, AUTHORITY_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    return _Pair(certificate, key)


def _issue(leaf: Leaf, issuer: _Pair, moment: dt.datetime) -> _Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    builder = (
        _builder(leaf.subject, issuer.certificate.subject, key, moment, LEAF_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(leaf.usages), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()),
            critical=False,
        )
    )
    if leaf.alternative_names:
        builder = builder.add_extension(x509.SubjectAlternativeName(leaf.alternative_names), critical=False)
    return _Pair(builder.sign(issuer.key, hashes.SHA256()), key)
