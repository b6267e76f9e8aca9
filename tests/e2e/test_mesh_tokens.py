"""S2.2 on the real gateway: with tokens required, personal data needs a valid token."""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import pytest

from otel_mesh.core.labels import selector
from otel_mesh.mesh.istio.tokens import token_manifests
from otel_mesh.mesh.policies.tokens import TokenSettings
from otel_mesh_cli.smoke import order, request
from otel_mesh_cli.stacks.addresses import GATEWAY
from otel_mesh_stack.services import OPEN_PATHS
from tests.e2e.cluster_objects import as_list
from tests.e2e.tokens import ISSUER, KEY, OTHER_KEY, key_set, token

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import httpx
    from cryptography.hazmat.primitives.asymmetric import rsa

pytestmark = pytest.mark.e2e

USER = f"{GATEWAY.url}{request.PATH}"
AUDIENCE = "shop"


def _token(key: rsa.RSAPrivateKey = KEY, **changes: Any) -> dict[str, str]:  # noqa: ANN401 -- claims
    return token(changes.pop("aud", AUDIENCE), key, **changes)


def _until(http: httpx.Client, status: HTTPStatus) -> None:
    """Wait until the gateway has applied or removed the policies."""
    end = time.monotonic() + 60
    while (seen := http.get(USER).status_code) != status:
        assert time.monotonic() < end, seen
        time.sleep(0.5)


@pytest.fixture(scope="module")
def _tokens(kubectl: Callable[..., str], http: httpx.Client) -> Iterator[None]:
    settings = TokenSettings(issuer=ISSUER, audiences=(AUDIENCE,), jwks=key_set())
    selected = selector("gateway", "ingress")
    objects = token_manifests(settings, "e2e-tokens", "istio-ingress", selected, OPEN_PATHS)
    text = as_list(objects)
    try:
        kubectl("apply", "-f", "-", input=text)
        _until(http, HTTPStatus.FORBIDDEN)
        yield
    finally:
        kubectl("delete", "-f", "-", "--ignore-not-found", input=text)
        _until(http, HTTPStatus.OK)


@pytest.mark.usefixtures("_tokens")
def test_a_request_with_a_valid_token_reads_a_user(http: httpx.Client) -> None:
    end = time.monotonic() + 60  # the two policies arrive in any order
    while (answer := http.get(USER, headers=_token())).status_code != HTTPStatus.OK:
        assert time.monotonic() < end, answer.text
        time.sleep(0.5)
    assert answer.json()["id"] == 123


@pytest.mark.usefixtures("_tokens")
@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (dict, HTTPStatus.FORBIDDEN),
        (lambda: {"authorization": "Bearer nonsense"}, HTTPStatus.UNAUTHORIZED),
        (lambda: _token(OTHER_KEY), HTTPStatus.UNAUTHORIZED),
        (lambda: _token(exp=int(time.time()) - 600), HTTPStatus.UNAUTHORIZED),
        (lambda: _token(iss="https://another.example"), HTTPStatus.UNAUTHORIZED),
        (lambda: _token(aud="another"), HTTPStatus.FORBIDDEN),
    ],  # created when used: tokens created at collection have expired by then
    ids=["none", "nonsense", "forged", "ended", "another issuer's", "for somebody else"],
)
def test_a_request_without_a_valid_token_reads_no_user(
    http: httpx.Client, sent: Callable[[], dict[str, str]], status: HTTPStatus
) -> None:
    assert http.get(USER, headers=sent()).status_code == status


@pytest.mark.usefixtures("_tokens")
@pytest.mark.parametrize(
    "path", ["/api/users%2F123", "//api/users/123", "/api/./users/123", "/api/orders/../users/123"]
)
def test_another_spelling_of_the_path_does_not_bypass_the_token(http: httpx.Client, path: str) -> None:
    assert http.get(f"{GATEWAY.url}{path}").status_code == HTTPStatus.FORBIDDEN


@pytest.mark.usefixtures("_tokens")
def test_an_order_needs_no_token(http: httpx.Client) -> None:
    _, order_id = order.place(http)
    assert order_id > 0
