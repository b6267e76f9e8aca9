"""S1.2, S1.5, S1.9, S2.2, B1 on Linkerd's real proxies: membership, refused requests, identity and telemetry."""

from __future__ import annotations

import secrets
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import pytest

from otel_mesh_cli.oncall import traces
from otel_mesh_cli.smoke import arrival, order, request
from otel_mesh_cli.smoke.expected import problems
from otel_mesh_cli.stacks import local_stack
from otel_mesh_cli.stacks.addresses import GATEWAY, JAEGER, PROMETHEUS
from tests.e2e.cluster_objects import get, python_in
from tests.e2e.meshed_pods import pod_security, require_proxies
from tests.e2e.stack_binding import stack_binding
from tests.waiting import wait_for

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Mapping, Sequence

    import httpx

    from otel_mesh_cli.oncall.traces import Span

pytestmark = pytest.mark.e2e

PROXY = "linkerd-proxy"
PATIENCE_S = 180.0
SETTLED_S = 15.0
"""Longer than a proxy collects spans and the Collector batches them: a span too many would be there by now."""


def _running(pod: Mapping[str, Any]) -> bool:
    return pod["status"]["phase"] == "Running" and "deletionTimestamp" not in pod["metadata"]


def test_every_pod_of_the_mesh_has_its_proxy_and_is_ready(pods: Callable[[], list[dict[str, Any]]]) -> None:
    require_proxies([pod for pod in pods() if _running(pod)], PROXY)


def test_all_pods_but_the_network_agent_run_restricted(kubectl: Callable[..., str]) -> None:
    levels = pod_security(kubectl)
    assert {name for name, level in levels.items() if level == "privileged"} == {"linkerd-cni"}
    entrance = local_stack.settings().mesh.gateway_binding
    places = ("linkerd", "shop", "observability", *([entrance.namespace] if entrance else []))
    assert all(levels[name] == "restricted" for name in places)


def test_plaintext_into_the_mesh_is_refused(
    kubectl: Callable[..., str], run: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    (service,) = [one for one in get(kubectl, "services", "-n", "shop") if one["metadata"]["name"] == "order-service"]
    url = f"http://{service['spec']['clusterIP']}:8082/orders"
    refused = run("curl", "--silent", "--include", "--max-time", "10", "--noproxy", "*", url)
    assert refused.stdout.startswith("HTTP/1.1 403"), refused.stdout + refused.stderr
    assert "content-length: 0" in refused.stdout, "the proxy says no more to strangers"
    # the same address answers a declared caller in the mesh
    url = "http://order-service.shop.svc.cluster.local:8082/livez"
    code = (
        "import urllib.request as u\n"
        f"print(u.urlopen(u.Request('{url}', headers={request.UNSAMPLED!r}), timeout=10).status)"
    )
    assert python_in(kubectl, "deploy/api-gateway", code).strip() == "200"


def test_the_application_identifies_its_peer_by_certificate(http: httpx.Client) -> None:
    forged = {"l5d-client-id": "admin.shop.serviceaccount.identity.linkerd.cluster.local"}
    trace_id, _ = order.place(http)
    spans = arrival.wait_for_trace(http, trace_id, order.problems)
    peers = {
        span.service: span.tags.get("mesh.peer.id") for span in spans if span.kind == "server" and span.proxy is None
    }
    binding, entrance = stack_binding(), local_stack.settings().mesh.gateway_binding
    assert peers == {
        "api-gateway": binding.identity(entrance.namespace, entrance.service_account) if entrance else None,
        "user-service": binding.identity("shop", "api-gateway"),
        "order-service": binding.identity("shop", "api-gateway"),
        "payment-service": binding.identity("shop", "order-service"),
    }
    # no client outside the mesh names itself
    trace_id = secrets.token_hex(16)
    headers = {**forged, "traceparent": f"00-{trace_id}-{secrets.token_hex(8)}-01"}
    assert http.get(f"{GATEWAY.url}{request.PATH}", headers=headers).status_code == HTTPStatus.OK
    spans = arrival.wait_for_trace(http, trace_id, request.problems)
    assert not any("admin" in str(span.tags.get("mesh.peer.id")) for span in spans)


@pytest.mark.parametrize("check", [request, order], ids=["request", "order"])
def test_b1_the_trace_has_exactly_the_tree_the_catalog_predicts(http: httpx.Client, check: Any) -> None:  # noqa: ANN401
    trace_id = request.request(http) if check is request else order.place(http)[0]
    arrival.wait_for_trace(http, trace_id, check.problems)
    time.sleep(SETTLED_S)
    spans = traces.fetch(http, JAEGER.url, trace_id)
    tree = check.tree(local_stack.proxies())
    assert problems(spans, tree, check.STORING) == []
    proxies = [one for one in tree.spans() if one.proxy]
    assert len([span for span in spans if span.proxy]) == len(proxies) > 0


def test_proxy_spans_follow_the_semantic_conventions_of_services(http: httpx.Client) -> None:
    spans = arrival.wait_for_trace(http, request.request(http), request.problems)
    assert {span.proxy for span in spans} == {None, "sidecar", *(["gateway"] if local_stack.gateway() else [])}
    for span in (one for one in spans if one.proxy == "sidecar" and one.service in request.SERVICES):
        assert not {"direction", "url.query", "network.transport"} & span.tags.keys()
        assert not any(key.startswith("http.request.header.") for key in span.tags)
        assert span.tags["http.response.status_code"] == HTTPStatus.OK
        assert span.name in {"GET", "POST"}  # a call by gRPC is a POST
        assert not any("/" in key for key in span.resource), span.resource
        for key in ("service.namespace", "service.version", "service.mesh", "deployment.environment.name"):
            assert span.resource[key], (span.service, key)
    by_service: dict[str, list[Span]] = {}
    for span in spans:
        by_service.setdefault(span.service, []).append(span)
    for service in request.SERVICES:
        for key in ("service.namespace", "service.version", "service.instance.id", "k8s.pod.name"):
            assert len({span.resource[key] for span in by_service[service]}) == 1, (service, key)


def test_the_service_map_counts_each_call_once(http: httpx.Client) -> None:
    """By HTTP from the proxies' spans; by gRPC, whose status they do not know, from the services'."""
    wanted = {("api-gateway", "order-service"), ("order-service", "payment-service"), ("api-gateway", "user-service")}
    names = '{client=~"api-gateway|.*-service",server=~".*-service"}'
    query = f"sum by (client, server) (traces_service_graph_request_total{names})"
    before = _values(http, query)
    for _ in range(5):
        order.place(http)

    def growth() -> dict[tuple[str, str], float]:
        return {edge: value - before.get(edge, 0) for edge, value in _values(http, query).items()}

    def is_counted() -> bool:
        return {edge for edge, value in growth().items() if value >= 5} >= wanted

    wait_for(is_counted, growth, patience_s=PATIENCE_S, every_s=2)
    time.sleep(30)  # what waits for its other half would be counted by now
    grown = growth()
    assert grown.keys() >= wanted
    assert not any(client == server for client, server in grown), grown
    assert grown[("api-gateway", "order-service")] == grown[("order-service", "payment-service")] == 5, grown


def _values(http: httpx.Client, query: str) -> dict[tuple[str, str], float]:
    answer = http.get(f"{PROMETHEUS.url}/api/v1/query", params={"query": query}).json()["data"]["result"]
    return {(one["metric"]["client"], one["metric"]["server"]): float(one["value"][1]) for one in answer}


def test_every_proxy_is_scraped_the_control_plane_s_too(http: httpx.Client, kubectl: Callable[..., str]) -> None:
    listed = get(kubectl, "pods", "-A", "-l", "linkerd.io/proxy-deployment")
    proxies = {one["metadata"]["name"] for one in listed if _running(one)}
    assert any(name.startswith("linkerd-destination-") for name in proxies)

    def unscraped() -> set[str]:
        up = http.get(f"{PROMETHEUS.url}/api/v1/query", params={"query": 'up{job="mesh-proxies"} == 1'}).json()
        return proxies - {one["metric"]["k8s_pod_name"] for one in up["data"]["result"]}

    wait_for(lambda: not unscraped(), unscraped, patience_s=PATIENCE_S, every_s=2)
    firing = http.get(f"{PROMETHEUS.url}/api/v1/alerts").json()["data"]["alerts"]
    assert "MeshProxyNotScraped" not in {one["labels"]["alertname"] for one in firing if one["state"] == "firing"}


@pytest.mark.full
def test_an_idle_mesh_produces_no_traces(http: httpx.Client) -> None:
    arrival.wait_for_trace(http, request.request(http), request.problems)
    time.sleep(SETTLED_S)
    since = time.time_ns() // 1000
    time.sleep(120)
    services: Sequence[str] = http.get(f"{JAEGER.url}/api/services").json()["data"]
    assert {"api-gateway", "user-service"} <= set(services)
    for service in services:
        window: dict[str, str | int] = {"service": service, "start": since, "end": time.time_ns() // 1000, "limit": 20}
        found = http.get(f"{JAEGER.url}/api/traces", params=window).json()["data"]
        assert found == [], service


def test_a_request_without_a_decision_is_sampled_by_the_service_and_its_proxies_join(http: httpx.Client) -> None:
    """Linkerd begins no trace: the first proxy on the way has no span, those after the service have theirs.

    With a gateway, its Envoy begins the trace.
    """
    since = time.time_ns() // 1000
    path = f"/api/users/{secrets.randbelow(10**6) + 10**6}"
    assert http.get(f"{GATEWAY.url}{path}").status_code == HTTPStatus.NOT_FOUND
    window: dict[str, str | int] = {"service": "api-gateway", "start": since, "end": since + 10**9, "limit": 50}

    def its_trace() -> list[Span]:
        answer = http.get(f"{JAEGER.url}/api/traces", params=window).json()["data"]
        listed = [traces.parse(trace) for trace in answer]
        return next((spans for spans in listed if any(span.tags.get("url.path") == path for span in spans)), [])

    def with_proxies() -> list[Span]:
        spans = its_trace()
        return spans if any(span.proxy for span in spans) else []

    patience = arrival.TRACE_DEADLINE_S
    found = wait_for(with_proxies, lambda: [span.name for span in its_trace()], patience_s=patience, every_s=0.5)
    (root,) = [span for span in found if span.parent_id is None]
    gateway = local_stack.gateway()
    first = (gateway, "server", "gateway") if gateway else ("api-gateway", "server", None)
    assert (root.service, root.kind, root.proxy) == first
