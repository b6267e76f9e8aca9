"""S2.2: HTTPS at the gateway, with a certificate signed by this machine's own authority, and its renewal."""

from __future__ import annotations

import hashlib
import json
import socket
import ssl
from typing import TYPE_CHECKING

import pytest

from otel_mesh_cli.smoke import request
from otel_mesh_cli.stacks.addresses import GATEWAY_TLS
from otel_mesh_embedded.environment import gateway_certificate
from otel_mesh_embedded.node.layout import layout
from otel_mesh_embedded.pki import credentials
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from subprocess import CompletedProcess

pytestmark = pytest.mark.e2e

_UNTRUSTED, _NO_HANDSHAKE = 60, 35
"""Exit statuses of curl."""
_PATIENCE_S = 90.0


def curl(run: Callable[..., CompletedProcess[str]], *words: str, host: str = "127.0.0.1") -> CompletedProcess[str]:
    url = f"https://{host}:{GATEWAY_TLS.port}{request.PATH}"
    return run("curl", "--silent", "--show-error", "--max-time", "15", "--noproxy", "*", *words, url)


def shown() -> str:
    """Digest of the certificate the gateway serves."""
    context = ssl.create_default_context(cafile=gateway_certificate.authority())
    address = ("127.0.0.1", GATEWAY_TLS.port)
    with socket.create_connection(address, 10) as plain, context.wrap_socket(plain, server_hostname="localhost") as tls:
        return hashlib.sha256(tls.getpeercert(binary_form=True) or b"").hexdigest()


def issued() -> str:
    pem = credentials.certificate(layout(), credentials.GATEWAY_SERVING).read_text()
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_client_that_trusts_the_authority_is_served(
    run: Callable[..., CompletedProcess[str]], settings: Mapping[str, str], host: str
) -> None:
    done = curl(run, "--cacert", settings["GATEWAY_CA"], host=host)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["id"] == 123


def test_a_client_that_does_not_trust_the_authority_fails_verification(
    run: Callable[..., CompletedProcess[str]],
) -> None:
    assert curl(run).returncode == _UNTRUSTED


def test_old_versions_of_tls_are_refused(
    run: Callable[..., CompletedProcess[str]], settings: Mapping[str, str]
) -> None:
    done = curl(run, "--cacert", settings["GATEWAY_CA"], "--tls-max", "1.1", "--ciphers", "DEFAULT:@SECLEVEL=0")
    assert done.returncode == _NO_HANDSHAKE, done.stderr


def test_a_renewed_certificate_is_served_without_a_restart(
    run: Callable[..., CompletedProcess[str]], kubectl: Callable[..., str]
) -> None:
    of = ("get", "pods", "-n", GATEWAY_TLS.place.namespace, "-o", "jsonpath={.items[*].metadata.uid}")
    before, pods = shown(), kubectl(*of)
    assert before == issued()
    done = run("make", "rotate", "WHAT=certificates", timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert issued() != before
    wait_for(
        lambda: shown() == issued(),
        lambda: "the gateway goes on with the former one",
        patience_s=_PATIENCE_S,
        every_s=0.5,
    )
    assert kubectl(*of) == pods
