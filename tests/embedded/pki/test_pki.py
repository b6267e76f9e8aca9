from __future__ import annotations

import datetime as dt
import subprocess
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from otel_mesh_embedded.node.control_plane import encryption
from otel_mesh_embedded.node.layout import API_SERVICE_ADDRESS, NODE_ADDRESS, Layout
from otel_mesh_embedded.pki import authorities, credentials

if TYPE_CHECKING:
    from pathlib import Path

SERVER = authorities.Leaf(
    "server", "ca", "a server", server=True, dns_names=("localhost",), addresses=(IPv4Address("10.0.0.1"),)
)
CLIENT = authorities.Leaf("client", "ca", "a client", organization="system:masters", client=True)
NOW = dt.datetime(2026, 11, 21, tzinfo=dt.UTC)


def certificate(folder: Path, name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(authorities.certificate_path(folder, name).read_bytes())


@pytest.fixture
def cluster_pki(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path)
    layout.make_folders()
    credentials.ensure(layout)
    encryption.ensure(layout)
    return layout


def test_nothing_is_issued_twice(tmp_path: Path) -> None:
    assert set(authorities.ensure(tmp_path, ["ca"], [SERVER, CLIENT], now=NOW)) == {"ca", "server", "client"}
    assert authorities.ensure(tmp_path, ["ca"], [SERVER, CLIENT], now=NOW) == {}


def test_keys_are_for_their_owner_only(cluster_pki: Layout) -> None:
    keys = [*cluster_pki.pki.glob("*.key"), *cluster_pki.config.glob("*.kubeconfig"), cluster_pki.kubeconfig]
    assert len(keys) > 15
    assert {path.stat().st_mode & 0o777 for path in keys} == {0o600}
    assert cluster_pki.pki.stat().st_mode & 0o777 == 0o700
    assert encryption.path(cluster_pki).stat().st_mode & 0o777 == 0o600


def test_a_leaf_is_renewed_when_less_than_thirty_days_are_left_and_the_authority_stays(tmp_path: Path) -> None:
    authorities.ensure(tmp_path, ["ca"], [SERVER], now=NOW)
    before = certificate(tmp_path, "server")
    almost = before.not_valid_after_utc - dt.timedelta(days=30, seconds=1)
    assert authorities.ensure(tmp_path, ["ca"], [SERVER], now=almost) == {}
    assert set(authorities.ensure(tmp_path, ["ca"], [SERVER], now=almost + dt.timedelta(seconds=2))) == {"server"}
    renewed = certificate(tmp_path, "server")
    assert renewed.serial_number != before.serial_number
    assert renewed.not_valid_after_utc > before.not_valid_after_utc


def test_an_authority_that_ends_takes_its_leaves_along(tmp_path: Path) -> None:
    authorities.ensure(tmp_path, ["ca"], [SERVER], now=NOW)
    late = certificate(tmp_path, "ca").not_valid_after_utc - dt.timedelta(days=1)
    assert set(authorities.ensure(tmp_path, ["ca"], [SERVER], now=late)) == {"ca", "server"}
    certificate(tmp_path, "server").verify_directly_issued_by(certificate(tmp_path, "ca"))


@pytest.mark.parametrize("lost", ["server.key", "server.crt"])
def test_half_a_pair_is_issued_anew(tmp_path: Path, lost: str) -> None:
    authorities.ensure(tmp_path, ["ca"], [SERVER, CLIENT], now=NOW)
    (tmp_path / lost).unlink()
    assert set(authorities.ensure(tmp_path, ["ca"], [SERVER, CLIENT], now=NOW)) == {"server"}


def test_a_key_of_another_certificate_is_noticed(tmp_path: Path) -> None:
    authorities.ensure(tmp_path, ["ca"], [SERVER, CLIENT], now=NOW)
    (tmp_path / "server.key").write_bytes((tmp_path / "client.key").read_bytes())
    assert set(authorities.ensure(tmp_path, ["ca"], [SERVER, CLIENT], now=NOW)) == {"server"}


def test_a_leaf_with_another_name_is_issued_anew(tmp_path: Path) -> None:
    authorities.ensure(tmp_path, ["ca"], [SERVER], now=NOW)
    more = authorities.Leaf("server", "ca", "a server", server=True, dns_names=("localhost", "kubernetes"))
    assert set(authorities.ensure(tmp_path, ["ca"], [more], now=NOW)) == {"server"}


@pytest.mark.parametrize(
    "name",
    [
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        "kubernetes.default.svc.cluster.local",
        "localhost",
        str(API_SERVICE_ADDRESS),
        "127.0.0.1",
        str(NODE_ADDRESS),
    ],
)
def test_clients_verify_the_api_server_by_every_name_it_is_called(cluster_pki: Layout, name: str) -> None:
    subject: x509.GeneralName
    is_address = name[0].isdigit()
    subject = x509.IPAddress(IPv4Address(name)) if is_address else x509.DNSName(name)
    store = Store([certificate(cluster_pki.pki, credentials.CLUSTER)])
    PolicyBuilder().store(store).build_server_verifier(subject).verify(certificate(cluster_pki.pki, "apiserver"), [])


def test_a_name_that_is_not_the_api_servers_is_refused(cluster_pki: Layout) -> None:
    store = Store([certificate(cluster_pki.pki, credentials.CLUSTER)])
    verifier = PolicyBuilder().store(store).build_server_verifier(x509.DNSName("example.org"))
    with pytest.raises(VerificationError):
        verifier.verify(certificate(cluster_pki.pki, "apiserver"), [])


@pytest.mark.parametrize("leaf", credentials.LEAVES, ids=lambda leaf: leaf.name)
def test_openssl_accepts_every_chain_for_its_purpose_and_no_other_authority(
    cluster_pki: Layout, leaf: authorities.Leaf
) -> None:
    purpose = "sslserver" if leaf.server else "sslclient"
    for authority in credentials.AUTHORITIES:
        command = ["openssl", "verify", "-x509_strict", "-purpose", purpose, "-CAfile"]
        files = [credentials.authority(cluster_pki, authority), credentials.certificate(cluster_pki, leaf)]
        done = subprocess.run([*command, *map(str, files)], capture_output=True, text=True, check=False)
        assert (done.returncode == 0) == (authority == leaf.authority), done.stderr


def test_a_client_certificate_is_no_server_certificate(cluster_pki: Layout) -> None:
    files = [
        credentials.authority(cluster_pki, credentials.CLUSTER),
        credentials.certificate(cluster_pki, credentials.ADMIN),
    ]
    command = ["openssl", "verify", "-purpose", "sslserver", "-CAfile", *map(str, files)]
    assert subprocess.run(command, capture_output=True, check=False).returncode != 0


def test_what_is_asked_for_is_renewed_and_an_authority_takes_its_leaves_along(tmp_path: Path) -> None:
    authorities.ensure(tmp_path, ["ca", "other"], [SERVER, CLIENT], now=NOW)
    assert authorities.ensure(tmp_path, ["ca", "other"], [SERVER, CLIENT], renew=["client"], now=NOW) == {
        "client": authorities.ASKED
    }
    before = certificate(tmp_path, "ca")
    issued = authorities.ensure(tmp_path, ["ca", "other"], [SERVER, CLIENT], renew=["ca"], now=NOW)
    former = "issued by a former authority"
    assert issued == {"ca": authorities.ASKED, "server": former, "client": former}
    assert certificate(tmp_path, "ca").serial_number != before.serial_number


@pytest.mark.parametrize(
    ("days", "reason"),
    [(-3, "valid from 2026-11-20 00:00, the clock says 2026-11-18 00:00"), (400, "ended 2027-11-21 00:00")],
)
def test_after_a_jump_of_the_clock_the_reason_is_named(tmp_path: Path, days: int, reason: str) -> None:
    authorities.ensure(tmp_path, ["ca"], [SERVER], now=NOW)
    jumped = NOW + dt.timedelta(days=days)
    told = authorities.untimely(tmp_path, ["ca", "server", "absent"], now=jumped)
    assert reason in told["server"]
    assert ("ca" in told) == (days < 0), "an authority lives longer"
    issued = authorities.ensure(tmp_path, ["ca"], [SERVER], now=jumped)
    assert reason in issued["ca" if days < 0 else "server"]
    assert authorities.untimely(tmp_path, ["ca", "server"], now=jumped) == {}


def test_the_gateway_s_authority_vouches_for_this_machine_only(cluster_pki: Layout) -> None:
    """Who trusts it in a browser has not trusted it for anybody else's name, even if its key were stolen."""
    authority = certificate(cluster_pki.pki, credentials.GATEWAY)
    verifier = PolicyBuilder().store(Store([authority])).build_server_verifier
    verifier(x509.DNSName("localhost")).verify(certificate(cluster_pki.pki, "gateway"), [])
    verifier(x509.IPAddress(IPv4Address("127.0.0.1"))).verify(certificate(cluster_pki.pki, "gateway"), [])
    stolen = authorities.Leaf("stolen", credentials.GATEWAY, "bank", server=True, dns_names=("bank.example",))
    authorities.issue(cluster_pki.pki, stolen, dt.datetime.now(dt.UTC))
    with pytest.raises(VerificationError, match="permitted"):
        verifier(x509.DNSName("bank.example")).verify(certificate(cluster_pki.pki, "stolen"), [])
