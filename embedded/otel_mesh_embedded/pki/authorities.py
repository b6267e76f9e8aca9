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
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from otel_mesh_cli.core import files

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from ipaddress import IPv4Address
    from pathlib import Path

AUTHORITY_LIFETIME = dt.timedelta(days=3650)
LEAF_LIFETIME = dt.timedelta(days=365)
RENEW_BEFORE = dt.timedelta(days=30)
MISSING, ASKED = "not there", "as asked"
"""Two reasons to issue a certificate."""
_BACKDATED = dt.timedelta(days=1)  # a clock that is set back a little does not make a certificate invalid


@dataclass(frozen=True)
class Leaf:
    """Certificate of a program, with its private key."""

    name: str
    """Name of the files ``<name>.crt`` and ``<name>.key``."""
    authority: str
    """Name of the authority that signs the certificate."""
    common_name: str
    """Common name; for a client, also its Kubernetes user name."""
    organization: str | None = None
    """Organization; for a client, also its Kubernetes group."""
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
        """DNS names and addresses of the server."""
        return [*map(x509.DNSName, self.dns_names), *map(x509.IPAddress, self.addresses)]

    @property
    def usages(self) -> list[x509.ObjectIdentifier]:
        """Extended key usages."""
        wanted = ((self.server, ExtendedKeyUsageOID.SERVER_AUTH), (self.client, ExtendedKeyUsageOID.CLIENT_AUTH))
        return [usage for is_wanted, usage in wanted if is_wanted]


@dataclass(frozen=True)
class _Pair:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def certificate_path(folder: Path, name: str) -> Path:
    """File of a certificate."""
    return folder / f"{name}.crt"


def key_path(folder: Path, name: str) -> Path:
    """File of a private key."""
    return folder / f"{name}.key"


def ensure(  # noqa: PLR0913 -- the last three by keyword
    folder: Path,
    authorities: Iterable[str],
    leaves: Iterable[Leaf],
    *,
    permitted: Mapping[str, Sequence[x509.GeneralName]] | None = None,
    renew: Collection[str] = (),
    now: dt.datetime | None = None,
) -> Mapping[str, str]:
    """Issue certificates that are missing, differ from the wanted ones, are invalid now or end within 30 days.

    A pair of which only one half was written when its writer was killed does not fit together and is issued anew.
    An authority that is replaced takes all its certificates with it.

    Args:
        folder: Existing folder of the files.
        authorities: Names of self-signed authorities.
        leaves: Certificates to issue.
        permitted: Name constraints by authority; others have none.
        renew: Names of authorities and certificates to issue in any case.
        now: Current time, for tests.

    Returns:
        What was issued, by name, with the reason.
    """
    moment = now or dt.datetime.now(dt.UTC)
    issued: dict[str, str] = {}
    pairs: dict[str, _Pair] = {}
    for name in authorities:
        pair = _load(folder, name)
        reason = ASKED if name in renew else _flaw(pair, moment)
        if pair is None or reason:
            pair = _authority(name, moment, (permitted or {}).get(name))
            _save(folder, name, pair)
            issued[name] = reason or MISSING
        pairs[name] = pair
    for leaf in leaves:
        pair = _load(folder, leaf.name)
        issuer = pairs[leaf.authority]
        reason = ASKED if leaf.name in renew else _flaw(pair, moment) or _misfit(pair, leaf, issuer.certificate)
        if reason:
            _save(folder, leaf.name, _issue(leaf, issuer, moment))
            issued[leaf.name] = reason
    return issued


def issue(folder: Path, leaf: Leaf, now: dt.datetime) -> None:
    """Issue one certificate as of a moment, in any case.

    Raises:
        FileNotFoundError: the authority does not exist.
    """
    issuer = _load(folder, leaf.authority)
    if issuer is None:
        raise FileNotFoundError(certificate_path(folder, leaf.authority))
    _save(folder, leaf.name, _issue(leaf, issuer, now))


def untimely(folder: Path, names: Iterable[str], *, now: dt.datetime | None = None) -> Mapping[str, str]:
    """Certificates that no one accepts at this moment, by name, with the reason; missing ones are left out."""
    moment = now or dt.datetime.now(dt.UTC)
    found = ((name, _load(folder, name)) for name in names)
    return {name: reason for name, pair in found if pair and (reason := _untimely(pair.certificate, moment))}


def key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """PEM of a private key, without a passphrase."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _save(folder: Path, name: str, pair: _Pair) -> None:
    files.write(key_path(folder, name), key_pem(pair.key))
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


def _untimely(certificate: x509.Certificate, moment: dt.datetime) -> str | None:
    """Reason why a certificate is not valid at a moment."""
    first, last = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if moment < first:
        return f"valid from {first:%Y-%m-%d %H:%M}, the clock says {moment:%Y-%m-%d %H:%M}: was it set back?"
    return f"ended {last:%Y-%m-%d %H:%M}" if moment > last else None


def _flaw(pair: _Pair | None, moment: dt.datetime) -> str | None:
    """Reason to issue a certificate again, whatever its purpose."""
    if pair is None:
        return MISSING
    last = pair.certificate.not_valid_after_utc
    nears_end = f"ends {last:%Y-%m-%d %H:%M}" if moment + RENEW_BEFORE >= last else None
    return _untimely(pair.certificate, moment) or nears_end


def _misfit(pair: _Pair | None, leaf: Leaf, issuer: x509.Certificate) -> str | None:
    """Difference between an existing certificate and the wanted one."""
    if pair is None:
        return MISSING
    certificate = pair.certificate
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, InvalidSignature):
        return "issued by a former authority"
    try:
        names = list(certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except x509.ExtensionNotFound:
        names = []
    usages = list(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
    wanted = (leaf.subject, leaf.alternative_names, leaf.usages)
    return None if (certificate.subject, names, usages) == wanted else "made out for other names or uses"


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


def _authority(name: str, moment: dt.datetime, permitted: Sequence[x509.GeneralName] | None) -> _Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"otel-mesh-local {name}")])
    builder = (
        _builder(subject, subject, key, moment, AUTHORITY_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
    )
    if permitted is not None:
        builder = builder.add_extension(x509.NameConstraints(list(permitted), excluded_subtrees=None), critical=True)
    return _Pair(builder.sign(key, hashes.SHA256()), key)


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
