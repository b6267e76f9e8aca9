"""S1.1: certificates of a Linkerd: each mistake is named before anything is deployed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import NameOID

from otel_mesh import identity_problems
from otel_mesh.mesh.linkerd.authority import WEBHOOKS, generate

if TYPE_CHECKING:
    from otel_mesh.core.errors import Problem

NOW = datetime(2026, 6, 1, tzinfo=UTC)
MADE = generate("cluster.local", "linkerd", 365, NOW)
OTHER = generate("cluster.local", "linkerd", 365, NOW)
PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def _found(anchors: str, issuer: str | None, key: str | None, now: datetime = NOW) -> list[tuple[str, str]]:
    return [(one.path, one.reason) for one in identity_problems(anchors, issuer, key, now)]


def _own(key: PrivateKey, *, authority: bool = True) -> tuple[str, str]:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "root")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=90))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return made.public_bytes(Encoding.PEM).decode(), private.decode()


def test_generated_certificates_have_no_mistake() -> None:
    assert _found(MADE.anchor, MADE.issuer.certificate, MADE.issuer.key) == []
    assert _found(MADE.anchor, None, None) == [], "cert-manager keeps the issuer"


def test_two_anchors_are_valid_together_and_three_are_not() -> None:
    issuer = MADE.issuer
    assert _found(OTHER.anchor + MADE.anchor, issuer.certificate, issuer.key) == []
    (found,) = _found(MADE.anchor * 3, issuer.certificate, issuer.key)
    assert found == ("trust_anchors", "are 3 certificates")


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        (NOW + timedelta(days=366), "expired on 2027-06-01 00:00 UTC"),
        (NOW - timedelta(days=1), "is not valid before 2026-05-31 23:55 UTC"),
        (NOW + timedelta(days=364), "ends on 2027-06-01 00:00 UTC, in less than 2 days"),
    ],
)
def test_a_certificate_outside_its_lifetime_or_about_to_end_is_refused(now: datetime, reason: str) -> None:
    found = _found(MADE.anchor, MADE.issuer.certificate, MADE.issuer.key, now)
    assert found == [("trust_anchors", reason), ("issuer_certificate", reason)]


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        (ec.generate_private_key(ec.SECP384R1()), "curve secp384r1"),
        (rsa.generate_private_key(65537, 2048), "not an elliptic curve"),
    ],
)
def test_another_kind_of_key_is_refused(key: PrivateKey, shown: str) -> None:
    certificate, private = _own(key)
    reason = f"has a key that Linkerd does not accept ({shown})"
    found = _found(certificate, certificate, private)
    assert found == [("trust_anchors", reason), ("issuer_certificate", reason)]


def test_a_certificate_that_is_no_authority_is_refused() -> None:
    certificate, private = _own(ec.generate_private_key(ec.SECP256R1()), authority=False)
    assert ("issuer_certificate", "is not a certificate authority") in _found(MADE.anchor, certificate, private)


def test_a_key_of_another_certificate_is_refused() -> None:
    (found,) = _found(MADE.anchor, MADE.issuer.certificate, OTHER.issuer.key)
    assert found == ("issuer_key", "does not belong to issuer_certificate")


def test_an_issuer_of_another_anchor_is_refused() -> None:
    (found,) = _found(OTHER.anchor, MADE.issuer.certificate, MADE.issuer.key)
    assert found == ("issuer_certificate", "was not signed by any of trust_anchors")


@pytest.mark.parametrize(
    ("issuer", "key", "missing"),
    [(None, MADE.issuer.key, "issuer_certificate"), (MADE.issuer.certificate, None, "issuer_key")],
)
def test_half_an_issuer_is_refused(issuer: str | None, key: str | None, missing: str) -> None:
    assert _found(MADE.anchor, issuer, key) == [(missing, "is not set although its counterpart is")]


def test_an_issuer_without_an_anchor_is_refused() -> None:
    (found,) = _found("", MADE.issuer.certificate, MADE.issuer.key)
    assert found == ("trust_anchors", "is not a certificate in PEM")


def test_a_private_key_among_the_anchors_is_refused_without_being_shown() -> None:
    found: list[Problem] = identity_problems(MADE.anchor + OTHER.issuer.key, None, None, NOW)
    assert [one.reason for one in found] == ["contains a private key"]
    assert OTHER.issuer.key.splitlines()[1] not in str(found)


def test_something_else_than_a_key_is_refused() -> None:
    (found,) = _found(MADE.anchor, MADE.issuer.certificate, "secret")
    assert found == ("issuer_key", "is not an unencrypted private key in PEM")


def test_generated_lifetimes_and_names_are_bounded() -> None:
    anchor, issuer = (x509.load_pem_x509_certificate(one.encode()) for one in (MADE.anchor, MADE.issuer.certificate))
    assert {one.not_valid_after_utc for one in (anchor, issuer)} == {NOW + timedelta(days=365)}
    assert issuer.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length == 0
    assert issuer.subject.rfc4514_string() == "CN=identity.linkerd.cluster.local"
    assert set(MADE.webhooks) == set(WEBHOOKS)
    for name, pair in MADE.webhooks.items():
        certificate = x509.load_pem_x509_certificate(pair.certificate.encode())
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert names.get_values_for_type(x509.DNSName) == [f"linkerd-{name}.linkerd.svc"]
        certificate.verify_directly_issued_by(certificate)
        assert load_pem_private_key(pair.key.encode(), None).public_key() == certificate.public_key()


def test_private_keys_do_not_show_in_a_representation() -> None:
    assert "PRIVATE KEY" not in repr(MADE)
