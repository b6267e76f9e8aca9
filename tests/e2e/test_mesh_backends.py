"""A backend at the real gateway: served to a token of its audience, refused to everything else."""

from __future__ import annotations

import ssl
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import httpx
import pytest

from otel_mesh import BackendRoute, ExposedBackendsArgs, IngressGatewaySettings, TokenSettings
from otel_mesh.core.labels import selector
from otel_mesh.mesh.istio.exposed_backends import exposed_manifests
from otel_mesh.mesh.istio.tokens import request_authentication
from otel_mesh_cli.smoke import request
from otel_mesh_cli.stacks.addresses import GATEWAY, GATEWAY_TLS
from otel_mesh_embedded.environment import gateway_certificate
from tests.e2e.cluster_objects import as_list
from tests.e2e.tokens import ISSUER, OTHER_KEY, key_set, token
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.e2e

HOST: Final = "jaeger.example.com"
PORT: Final = 16686
GATEWAYS: Final = "istio-ingress"
SERVICES: Final = "/api/services"
SHOP, OPERATORS = "shop", "operators"
OPERATOR: Final = token(OPERATORS, exp=int(time.time()) + 24 * 3600)
OK, FORBIDDEN, UNAUTHORIZED = HTTPStatus.OK, HTTPStatus.FORBIDDEN, HTTPStatus.UNAUTHORIZED


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    trusting = ssl.create_default_context(cafile=gateway_certificate.authority())
    with httpx.Client(verify=trusting, trust_env=False, timeout=30) as made:
        yield made


def ask(client: httpx.Client, sent: dict[str, str], host: str = HOST, path: str = SERVICES) -> httpx.Response:
    return client.get(f"https://localhost:{GATEWAY_TLS.port}{path}", headers={"host": host, **sent})


def let_through(direction: str, namespace: str, selected: dict[str, str]) -> dict[str, Any]:
    """A NetworkPolicy for the route, where the stack has some: it opens Jaeger's port in one direction."""
    peer = {"Ingress": "from", "Egress": "to"}[direction]
    rule = {peer: [{"namespaceSelector": {}}], "ports": [{"port": PORT}]}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "e2e-backend", "namespace": namespace},
        "spec": {"policyTypes": [direction], "podSelector": {"matchLabels": selected}, direction.lower(): [rule]},
    }


def objects() -> list[dict[str, Any]]:
    """Jaeger for operators, at a gateway that accepts the customers' tokens of the same issuer too."""
    operators = TokenSettings(issuer=ISSUER, audiences=(OPERATORS,), jwks=key_set())
    gateway = IngressGatewaySettings(tls_secret="gateway-certificate").binding(GATEWAYS)  # noqa: S106 -- the Secret's name
    route = BackendRoute(host=HOST, service="jaeger.observability.svc.cluster.local", port=PORT)
    args = ExposedBackendsArgs(namespace=GATEWAYS, gateway=gateway, routes=(route,), tokens=operators)
    proxies = selector("gateway", "ingress")
    customers = operators.model_copy(update={"audiences": (SHOP,)})
    meta = {"name": "e2e-customers", "namespace": GATEWAYS}
    return [
        *exposed_manifests(args),
        request_authentication(customers, meta, {"matchLabels": proxies}),
        let_through("Egress", GATEWAYS, proxies),
        let_through("Ingress", "observability", selector("jaeger", "jaeger")),
    ]


@pytest.fixture(scope="module", autouse=True)
def _exposed(kubectl: Callable[..., str], client: httpx.Client) -> Iterator[None]:
    text = as_list(objects())
    try:
        kubectl("apply", "-f", "-", input=text)
        # the policies arrive in any order
        wait_for(
            lambda: (ask(client, OPERATOR).status_code, ask(client, {}).status_code) == (OK, FORBIDDEN),
            lambda: (ask(client, OPERATOR).text, ask(client, {}).text),
            patience_s=60,
            every_s=0.5,
        )
        yield
    finally:
        kubectl("delete", "-f", "-", "--ignore-not-found", input=text)


def test_a_token_of_the_audience_opens_the_backend(client: httpx.Client) -> None:
    answer = ask(client, OPERATOR)
    assert answer.status_code == OK
    assert "api-gateway" in answer.json()["data"]
    assert ask(client, token([OPERATORS, "others"])).status_code == OK


@pytest.mark.parametrize(
    "sent",
    [
        dict,
        lambda: {"authorization": "Bearer nonsense"},
        lambda: token(OPERATORS, OTHER_KEY),
        lambda: token(OPERATORS, exp=int(time.time()) - 600),
        lambda: token(OPERATORS, iss="https://another.example"),
        lambda: token(SHOP),
        lambda: token([SHOP]),
    ],
    ids=["none", "nonsense", "forged", "ended", "another issuer's", "a customer's", "a customer's, as a list"],
)
def test_any_other_request_is_refused(client: httpx.Client, sent: Callable[[], dict[str, str]]) -> None:
    assert ask(client, sent()).status_code in {UNAUTHORIZED, FORBIDDEN}


@pytest.mark.parametrize("host", ["JAEGER.example.com", f"{HOST}:443", f"{HOST}:8080", f"{HOST}.", f"{HOST}.:443"])
@pytest.mark.parametrize("path", [SERVICES, "/api/orders", "/livez", "//api/services", "/static/../api/services"])
def test_no_spelling_of_host_or_path_leads_there_without_a_token(client: httpx.Client, host: str, path: str) -> None:
    answer = ask(client, {}, host, path)
    assert answer.status_code == FORBIDDEN or "data" not in answer.text, answer.text
    assert "api-gateway" not in answer.text


def test_a_token_is_not_read_by_plain_http() -> None:
    with request.client() as fresh:  # a connection from before has the former rules until the proxy drains it
        assert fresh.get(f"{GATEWAY.url}{SERVICES}", headers={"host": HOST, **OPERATOR}).status_code == FORBIDDEN


def test_the_services_are_served_as_before(http: httpx.Client) -> None:
    assert http.get(f"{GATEWAY.url}{request.PATH}").status_code == OK
