"""Checks of the certificates of a mesh's identity, before anything is deployed."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from otel_mesh.core.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MIN_REMAINING: Final = timedelta(days=2)
"""Lifetime that a certificate must have left: an issuer issues certificates for a day."""
MAX_ANCHORS: Final = 2
"""Number of trust anchors at the same time: the present one, and during a rotation the next."""
_BLOCK: Final = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_ROTATE: Final = "rotate it (docs/linkerd.md, Rotation)"


def identity_problems(
    anchors: str, issuer: str | None, issuer_key: str | None, now: datetime | None = None
) -> list[Problem]:
    """Mistakes in the certificates of a mesh's identity.

    Linkerd's identity service accepts ECDSA keys on the curve P-256 only, and its proxies refuse a mesh whose issuer
    the trust anchor did not sign: pods would wait for their certificates forever.

    Args:
        anchors: Trust anchors in PEM, one, or two during a rotation.
        issuer: Certificate of the issuer in PEM; None if cert-manager or someone else keeps the Secret.
        issuer_key: Private key of the issuer in PEM; None like `issuer`.
        now: Present time; None for the clock's.
    """
    present = now or datetime.now(UTC)
    problems: list[Problem] = []
    roots = _certificates(anchors, "trust_anchors", problems)
    if len(roots) > MAX_ANCHORS:
        problems.append(
            Problem("trust_anchors", f"are {len(roots)} certificates", "give one, or two during a rotation")
        )
    for place, one in enumerate(roots):
        path = f"trust_anchors[{place}]" if len(roots) > 1 else "trust_anchors"
        problems += [*_unsuitable(one, path), *_outside_its_lifetime(one, path, present)]
    if issuer is None and issuer_key is None:
        return problems
    if issuer is None or issuer_key is None:
        missing = "issuer_certificate" if issuer is None else "issuer_key"
        return [*problems, Problem(missing, "is not set although its counterpart is", "set both, or neither")]
    chain = _certificates(issuer, "issuer_certificate", problems)
    if not chain:
        return problems
    problems += [
        *_unsuitable(chain[0], "issuer_certificate"),
        *_outside_its_lifetime(chain[0], "issuer_certificate", present),
        *_mismatched(chain[0], issuer_key),
        *_unsigned(chain, roots),
    ]
    return problems


def certificates_in(text: str) -> list[x509.Certificate]:
    """The certificates in a text; none if one of them cannot be read.

    Args:
        text: Certificates in PEM.
    """
    try:
        return [x509.load_pem_x509_certificate(block.encode()) for block in _BLOCK.findall(text)]
    except ValueError:
        return []


def _certificates(text: str, path: str, problems: list[Problem]) -> list[x509.Certificate]:
    if "PRIVATE KEY" in text:
        problems.append(Problem(path, "contains a private key", "give certificates only"))
    found = certificates_in(text)
    if not found:
        problems.append(Problem(path, "is not a certificate in PEM", "write '-----BEGIN CERTIFICATE-----'..."))
    return found


def _unsuitable(certificate: x509.Certificate, path: str) -> Iterator[Problem]:
    key = certificate.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        shown = f"curve {key.curve.name}" if isinstance(key, ec.EllipticCurvePublicKey) else "not an elliptic curve"
        yield Problem(path, f"has a key that Linkerd does not accept ({shown})", "use ECDSA with the curve P-256")
    try:
        is_authority = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        is_authority = False
    if not is_authority:
        yield Problem(path, "is not a certificate authority", "issue it with basicConstraints CA:TRUE")


def _outside_its_lifetime(certificate: x509.Certificate, path: str, now: datetime) -> Iterator[Problem]:
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now < begin:
        yield Problem(path, f"is not valid before {begin:%Y-%m-%d %H:%M} UTC", "wait, or check the clock")
    elif now >= end:
        yield Problem(path, f"expired on {end:%Y-%m-%d %H:%M} UTC", _ROTATE)
    elif end - now < MIN_REMAINING:
        yield Problem(path, f"ends on {end:%Y-%m-%d %H:%M} UTC, in less than {MIN_REMAINING.days} days", _ROTATE)


def _mismatched(issuer: x509.Certificate, key: str) -> Iterator[Problem]:
    try:
        private = load_pem_private_key(key.encode(), password=None)
    except (ValueError, TypeError):
        yield Problem("issuer_key", "is not an unencrypted private key in PEM", "decrypt it, or export it as PEM")
        return
    if private.public_key() != issuer.public_key():
        yield Problem("issuer_key", "does not belong to issuer_certificate", "give the key of the same pair")


def _unsigned(chain: Sequence[x509.Certificate], roots: Sequence[x509.Certificate]) -> Iterator[Problem]:
    issuer = chain[-1]
    if roots and not any(signed_by(issuer, root) for root in roots):
        reason = "was not signed by any of trust_anchors"
        yield Problem("issuer_certificate", reason, "give the anchor that signed it, or issue it again")
    for one, above in pairwise(chain):
        if not signed_by(one, above):
            yield Problem("issuer_certificate", "is not a chain, each signed by the next", "put the issuer first")


def signed_by(certificate: x509.Certificate, by: x509.Certificate) -> bool:
    """Whether a certificate was issued by another one.

    Args:
        certificate: Certificate to check.
        by: Certificate of the authority.
    """
    try:
        certificate.verify_directly_issued_by(by)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True
