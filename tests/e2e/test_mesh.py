"""S1.2, S1.5, S1.9, S2.2, B1 on real sidecars: membership, refused requests and telemetry of the mesh."""

from __future__ import annotations

import secrets
import sys
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import pytest

from otel_mesh.mesh.policies.edge_headers import STRIPPED_HEADERS
from otel_mesh_cli.oncall import traces
from otel_mesh_cli.smoke import arrival, request
from otel_mesh_cli.stacks import local_stack, sidecars
from otel_mesh_cli.stacks.addresses import GATEWAY, JAEGER
from otel_mesh_stack.services import CATALOG
from tests.e2e.bare_pod import bare_pod
from tests.e2e.cluster_objects import as_list, get, python_in
from tests.e2e.meshed_pods import pod_security, require_proxies
from tests.e2e.open_network import every_connection

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Mapping, Sequence

    import httpx

    from otel_mesh_cli.oncall.traces import Span

pytestmark = pytest.mark.e2e

IDENTITY = "spiffe://cluster.local/ns/{}/sa/{}"


def _running(pod: Mapping[str, Any]) -> bool:
    return "deletionTimestamp" not in pod["metadata"]


def test_every_pod_of_the_mesh_has_its_sidecar_and_is_ready(pods: Callable[[], list[dict[str, Any]]]) -> None:
    require_proxies([pod for pod in pods() if _running(pod)], sidecars.PROXY)


def test_all_pods_but_the_network_agent_run_restricted(kubectl: Callable[..., str]) -> None:
    levels = pod_security(kubectl)
    assert {name for name, level in levels.items() if level == "privileged"} == {"istio-cni"}
    assert all(levels[name] == "restricted" for name in ("istio-system", "istio-ingress", "shop", "observability"))


def test_plaintext_into_the_mesh_is_refused(
    kubectl: Callable[..., str], run: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    (service,) = [one for one in get(kubectl, "services", "-n", "shop") if one["metadata"]["name"] == "order-service"]
    url = f"http://{service['spec']['clusterIP']}:8082/livez"
    refused = run("curl", "--silent", "--show-error", "--max-time", "10", "--noproxy", "*", url)
    assert refused.returncode == 56, (refused.returncode, refused.stdout, refused.stderr)  # the connection was reset
    # the same address answers a declared caller in the mesh: an order without a body, by the service itself
    url = "http://order-service.shop.svc.cluster.local:8082/orders"
    code = (
        "import urllib.error, urllib.request as u\n"
        "try:\n"
        f"    u.urlopen(u.Request('{url}', headers={request.UNSAMPLED!r}, method='POST'), timeout=10)\n"
        "except urllib.error.HTTPError as error:\n"
        "    print(error.headers['content-type'])"
    )
    assert python_in(kubectl, "deploy/api-gateway", code).strip() == "application/problem+json"


def test_the_application_identifies_its_peer_by_certificate(http: httpx.Client) -> None:
    spans = arrival.wait_for_trace(http, request.request(http), request.problems)
    peers = {
        span.service: span.tags.get("mesh.peer.spiffe_id")
        for span in spans
        if span.kind == "server" and span.proxy is None
    }
    assert peers == {
        "api-gateway": IDENTITY.format("istio-ingress", "ingress"),
        "user-service": IDENTITY.format("shop", "api-gateway"),
    }


def test_b1_the_trace_has_exactly_the_tree_the_catalog_predicts(http: httpx.Client) -> None:
    for caller, callee in zip(request.SERVICES, request.SERVICES[1:], strict=False):
        assert callee in CATALOG.service(caller).callees
    trace_id = request.request(http)
    arrival.wait_for_trace(http, trace_id, request.problems)
    time.sleep(6)  # longer than any exporter waits: a span too many would be there by now
    spans = traces.fetch(http, JAEGER.url, trace_id)
    assert request.problems(spans) == []
    assert [span.proxy for span in request.tree(local_stack.proxies()).spans()] == [
        True,
        True,
        True,
        False,
        False,
        True,
        True,
        False,
    ]


def test_proxy_spans_follow_the_semantic_conventions_of_services(http: httpx.Client) -> None:
    spans = arrival.wait_for_trace(http, request.request(http), request.problems)
    proxies = [span for span in spans if span.proxy]
    assert {span.proxy for span in proxies} == {"gateway", "sidecar"}
    for span in proxies:
        assert not {"http.method", "http.status_code", "http.url", "node_id", "component"} & span.tags.keys()
        assert span.tags["http.response.status_code"] == HTTPStatus.OK
        assert span.name in {"GET", "POST", "HTTP"}  # a call by gRPC is a POST
        for key in ("service.namespace", "service.version", "service.mesh", "deployment.environment.name"):
            assert span.resource[key], (span.service, key)
    by_service: dict[str, list[Span]] = {}
    for span in spans:
        by_service.setdefault(span.service, []).append(span)
    for service in request.SERVICES:
        for key in (
            "service.version",
            "service.namespace",
            "service.instance.id",
            "k8s.pod.name",
            "service.mesh.version",
        ):
            assert len({span.resource[key] for span in by_service[service]}) == 1, (service, key)


def test_no_proxy_records_an_unsampled_request(http: httpx.Client) -> None:
    unsampled = secrets.token_hex(16)
    headers = {"traceparent": f"00-{unsampled}-{secrets.token_hex(8)}-00"}
    assert http.get(f"{GATEWAY.url}{request.PATH}", headers=headers).status_code == HTTPStatus.OK
    arrival.wait_for_trace(http, request.request(http), request.problems)
    assert traces.fetch(http, JAEGER.url, unsampled) == []


ECHO = """
import http.server, sys
class Echo(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = __import__("json").dumps({key.lower(): value for key, value in self.headers.items()}).encode()
        self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_): pass
http.server.HTTPServer(("0.0.0.0", 8080), Echo).serve_forever()
"""


@pytest.fixture(scope="module")
def echo(kubectl: Callable[..., str]) -> Any:  # noqa: ANN401 -- yields a function
    """A service that returns the headers it received, behind the gateway under a separate host name."""
    name = "echo-headers"
    (gateway,) = [one for one in get(kubectl, "pods", "-n", "shop", "-l", "app=api-gateway") if _running(one)][:1]
    image = next(one["image"] for one in gateway["spec"]["containers"] if one["name"] == "api-gateway")
    template = {
        "metadata": {"labels": {"app": name}},
        "spec": {
            "securityContext": gateway["spec"]["securityContext"],
            "automountServiceAccountToken": False,
            "containers": [
                {
                    "name": "echo",
                    "image": image,
                    "command": ["python", "-c", ECHO],
                    "ports": [{"containerPort": 8080}],
                    "readinessProbe": {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1},
                    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                }
            ],
        },
    }
    meta = {"name": name, "namespace": "shop"}
    host = f"{name}.example"
    route = {"destination": {"host": f"{name}.shop.svc.cluster.local", "port": {"number": 8080}}}
    objects = [
        every_connection(meta, {"app": name}),  # the gateway may reach it at all
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": meta,
            "spec": {"selector": {"matchLabels": {"app": name}}, "template": template},
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": meta,
            "spec": {"selector": {"app": name}, "ports": [{"name": "http", "port": 8080, "appProtocol": "http"}]},
        },
        {
            "apiVersion": "security.istio.io/v1",
            "kind": "AuthorizationPolicy",
            "metadata": meta,
            "spec": {
                "selector": {"matchLabels": {"app": name}},
                "rules": [{"from": [{"source": {"principals": ["cluster.local/ns/istio-ingress/sa/ingress"]}}]}],
            },
        },
        {
            "apiVersion": "networking.istio.io/v1",
            "kind": "VirtualService",
            "metadata": {**meta, "namespace": "istio-ingress"},  # the gateway takes routes of its own namespace only
            "spec": {"hosts": [host], "gateways": ["istio-ingress/ingress"], "http": [{"route": [route]}]},
        },
    ]
    text = as_list(objects)
    try:
        kubectl("apply", "-f", "-", input=text)
        kubectl("-n", "shop", "rollout", "status", f"deploy/{name}", "--timeout=180s")
        yield host
    finally:
        kubectl("delete", "-f", "-", "--ignore-not-found", "--wait=false", input=text)


def _seen(http: httpx.Client, host: str, headers: Mapping[str, str]) -> dict[str, str]:
    """The headers received by the echo service; waits until the gateway knows the host."""
    end = time.monotonic() + 60
    while (
        answer := http.get(GATEWAY.url, headers={**request.UNSAMPLED, **headers, "host": host})
    ).status_code != HTTPStatus.OK:
        assert time.monotonic() < end, answer.status_code
        time.sleep(0.25)
    seen: dict[str, str] = answer.json()
    return seen


@pytest.mark.parametrize("header", STRIPPED_HEADERS)
def test_s2_2_untrusted_client_headers_are_removed_at_the_edge(http: httpx.Client, echo: str, header: str) -> None:
    forged = f"forged-{secrets.token_hex(4)}"
    seen = _seen(http, echo, {header: forged, "x-of-no-interest": forged})
    assert seen["x-of-no-interest"] == forged
    assert forged not in seen.get(header, "")


def test_client_identity_is_set_by_the_gateway_only(http: httpx.Client, echo: str) -> None:
    forged = 'By=spiffe://x;Hash=00;URI="spiffe://cluster.local/ns/shop/sa/admin"'
    seen = _seen(http, echo, {"x-forwarded-client-cert": forged})
    assert "admin" not in seen["x-forwarded-client-cert"]
    assert f"URI={IDENTITY.format('istio-ingress', 'ingress')}" in seen["x-forwarded-client-cert"]


def test_s2_2_a_client_cannot_change_the_gateway_timeout(http: httpx.Client, echo: str) -> None:
    seen = _seen(http, echo, {"x-envoy-upstream-rq-timeout-ms": "1"})
    assert seen.get("x-envoy-expected-rq-timeout-ms") != "1"


def test_the_collector_accepts_telemetry_from_known_identities_only(kubectl: Callable[..., str], echo: str) -> None:
    """The echo service is in the mesh, but is not a sender in the catalog."""
    assert echo
    url = "http://otel-collector.observability.svc.cluster.local:4318/v1/traces"
    code = (
        "import urllib.request as u, urllib.error as e\n"
        f"r = u.Request('{url}', data=b'{{}}', headers={{'content-type': 'application/json'}})\n"
        "try: print(u.urlopen(r, timeout=10).status)\n"
        "except e.HTTPError as x: print(x.code)\n"
    )
    stranger = kubectl("-n", "shop", "exec", "deploy/echo-headers", "-c", "echo", "--", "python", "-c", code)
    assert (stranger.strip(), python_in(kubectl, "deploy/api-gateway", code).strip()) == ("403", "200")


def test_a_pod_without_its_sidecar_is_found_and_named(
    kubectl: Callable[..., str], run: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """A label disables injection for the pod and is removed afterwards."""
    with bare_pod(kubectl) as name:
        kubectl("-n", "shop", "label", "pod", name, f"{sidecars.INJECT}-")
        said = run(sys.executable, "-m", "otel_mesh_cli", "status")
        assert said.returncode == 1
        assert f"pod shop/{name}: without its sidecar" in said.stdout
        assert f"kubectl -n shop delete pod {name}" in said.stdout


@pytest.mark.full
def test_an_idle_mesh_produces_no_traces(http: httpx.Client) -> None:
    arrival.wait_for_trace(http, request.request(http), request.problems)
    time.sleep(15)
    since = time.time_ns() // 1000
    time.sleep(120)
    services: Sequence[str] = http.get(f"{JAEGER.url}/api/services").json()["data"]
    assert {"api-gateway", "user-service", local_stack.gateway()} <= set(services)
    for service in services:
        window: dict[str, str | int] = {"service": service, "start": since, "end": time.time_ns() // 1000, "limit": 20}
        found = http.get(f"{JAEGER.url}/api/traces", params=window).json()["data"]
        assert found == [], service
