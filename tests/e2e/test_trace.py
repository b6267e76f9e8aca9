"""S2.3, B1, S1.6, S1.7, S2.6 on the running environment: telemetry of one request."""

from __future__ import annotations

import json
import secrets
import time
from http import HTTPStatus
from typing import TYPE_CHECKING

import pytest

from otel_mesh_cli.oncall import traces
from otel_mesh_cli.smoke import arrival, measured, request
from otel_mesh_cli.stacks import local_stack
from otel_mesh_cli.stacks.addresses import GATEWAY, JAEGER
from tests.e2e.counters import growth

if TYPE_CHECKING:
    from collections.abc import Sequence

    import httpx

    from otel_mesh_cli.oncall.traces import Span
    from tests.e2e.counters import Growth

pytestmark = pytest.mark.e2e


EXPORTED_S = 12
"""Longer than the interval at which services export metrics here."""
METHOD = "shop.user.v1.UserService/GetUser"


def chain(spans: Sequence[Span]) -> list[tuple[str, str, str]]:
    """(service, name, kind) of the spans from the root down, which must form one chain of calls."""
    line = []
    at = traces.roots(spans)
    while at:
        assert len(at) == 1, [span.name for span in at]
        line.append((at[0].service, at[0].name, at[0].kind))
        at = [span for span in spans if span.parent_id == at[0].span_id]
    return line


def test_b1_one_request_is_one_trace_across_gateway_service_and_stores(http: httpx.Client) -> None:
    result = request.run()
    spans = result.spans
    assert {span.trace_id for span in spans} == {result.trace_id}
    line = chain([span for span in spans if not span.is_database])
    assert [one for one in line if "/" in one[1]] == [
        ("api-gateway", "GET /api/users/{id}", "server"),
        ("api-gateway", METHOD, "client"),
        ("user-service", METHOD, "server"),
    ]
    assert len(line) == len(list(request.tree(local_stack.proxies()).spans()))
    server = next(span for span in spans if span.name == METHOD and span.kind == "server")
    stores = [span for span in spans if span.is_database]
    assert {span.parent_id for span in stores} == {server.span_id}
    assert {span.service for span in stores} == {"user-service"}
    asked = [(span.tags["db.system.name"], span.name) for span in stores]
    cache, database = ("redis", "GET users"), ("postgresql", "SELECT users")
    assert asked == {"hit": [cache], "miss": [cache, database, ("redis", "SET users")]}[server.tags["cache.outcome"]]
    assert http.get(f"{GATEWAY.url}{request.PATH}").json()["id"] == 123


def test_s2_9_a_repeated_user_request_reads_the_cache_instead_of_the_database(http: httpx.Client) -> None:
    for _ in range(3):  # a cache entry may expire between two requests, once a minute
        request.request(http)
        spans = arrival.wait_for_trace(http, request.request(http), request.problems)
        (outcome,) = (span.tags["cache.outcome"] for span in spans if "cache.outcome" in span.tags)
        if outcome == "hit":
            break
    assert [span.name for span in spans if span.is_database] == ["GET users"]


def test_s2_1_the_collector_adds_its_own_resource_attributes(http: httpx.Client) -> None:
    trace_id = request.request(http)

    def lacks(spans: Sequence[Span]) -> list[str]:
        return request.problems(spans) + [
            f"{key} on {span.service} {span.name}"
            for span in spans
            for key in ("k8s.pod.start_time", "k8s.cluster.name", "deployment.environment.name", "service.namespace")
            if key not in span.resource
        ]

    arrival.wait_for_trace(http, trace_id, lacks)


def test_s1_7_an_unsampled_request_leaves_no_trace_and_a_later_sampled_one_does(http: httpx.Client) -> None:
    unsampled = secrets.token_hex(16)
    headers = {"traceparent": f"00-{unsampled}-{secrets.token_hex(8)}-00"}
    assert http.get(f"{GATEWAY.url}{request.PATH}", headers=headers).status_code == HTTPStatus.OK
    arrival.wait_for_trace(http, request.request(http), request.problems)
    assert traces.fetch(http, JAEGER.url, unsampled) == []


def test_s1_13_a_request_without_context_starts_a_new_trace(http: httpx.Client) -> None:
    since = time.time_ns() // 1000
    path = f"/api/users/{secrets.randbelow(10**6) + 10**6}"
    assert http.get(f"{GATEWAY.url}{path}").status_code == HTTPStatus.NOT_FOUND
    end = time.monotonic() + arrival.TRACE_DEADLINE_S
    found: list[Span] = []
    while not any(span.parent_id is None for span in found) and time.monotonic() < end:
        answer = http.get(
            f"{JAEGER.url}/api/traces",
            params={"service": "api-gateway", "start": since, "end": since + 10**9, "limit": 50},
        ).json()["data"]
        found = [span for trace in answer for span in traces.parse(trace) if span.tags.get("url.path") == path]
        time.sleep(0.25)
    assert [span.parent_id for span in found].count(None) == 1
    assert len({span.trace_id for span in found}) == 1


def test_s1_8_a_missing_user_is_404_and_not_a_server_error(http: httpx.Client) -> None:
    trace_id = request.request(http, "/api/users/999999999", expect=HTTPStatus.NOT_FOUND)

    def lacks(spans: Sequence[Span]) -> list[str]:
        return [lack for lack in request.problems(spans) if not lack.startswith("missing k8s")]

    # Linkerd's proxies do not read gRPC statuses: they tell 200 of every answer
    reads_grpc = local_stack.settings().mesh.proxy_spans == "envoy"
    spans = [span for span in arrival.wait_for_trace(http, trace_id, lacks) if reads_grpc or span.proxy is None]
    servers = [span for span in spans if span.kind == "server"]
    told = {span.tags.get("rpc.response.status_code") or span.tags["http.response.status_code"] for span in servers}
    assert told == {404, "NOT_FOUND"}
    assert not any(span.failed for span in servers)
    assert all(span.failed for span in spans if span.kind == "client" and not span.is_database)


@pytest.mark.parametrize("bad", ["abc", "-1", "0", "1.5", "99999999999999999999", "%00", "1;drop"])
def test_s2_8_an_invalid_user_id_is_refused_at_the_gateway(http: httpx.Client, bad: str) -> None:
    answer = http.get(f"{GATEWAY.url}/api/users/{bad}")
    assert answer.status_code == HTTPStatus.BAD_REQUEST
    if bad == "%00" and local_stack.gateway():
        assert not answer.content  # the mesh's gateway refuses it before any service is called
        return
    assert answer.headers["content-type"] == "application/problem+json"
    problem = json.loads(answer.text)
    assert problem["status"] == HTTPStatus.BAD_REQUEST
    assert "traceback" not in answer.text.lower()


def test_s2_2_probes_leave_no_trace(http: httpx.Client) -> None:
    """The kubelet probes every few seconds: an operation for probes would exist by now."""
    for service in ("api-gateway", "user-service"):
        names = http.get(f"{JAEGER.url}/api/operations", params={"service": service}).json()["data"]
        operations = {entry["name"] for entry in names}
        assert operations, service
        assert not [name for name in operations if "livez" in name or "readyz" in name]


def _settled(growing: Growth) -> float:
    """Growth once it has been stable for longer than the export interval."""
    value, since = growing.now(), time.monotonic()
    while time.monotonic() - since < EXPORTED_S:
        time.sleep(0.5)
        if (now := growing.now()) != value:
            value, since = now, time.monotonic()
    return value


def test_s2_6_each_outcome_is_counted_once_under_its_route(http: httpx.Client) -> None:
    selector = 'service_name="api-gateway",http_route="/api/users/{id}",http_response_status_code="404"'
    counters = f"http_server_request_duration_seconds_count{{{selector}}}"
    _settled(growth(http, counters))
    growing = growth(http, counters)
    for number in range(5):
        assert http.get(f"{GATEWAY.url}/api/users/{10**8 + number}").status_code == HTTPStatus.NOT_FOUND
    end = time.monotonic() + request.METRIC_DEADLINE_S
    while growing.now() < 5 and time.monotonic() < end:
        time.sleep(0.25)
    assert _settled(growing) == 5, "a double count would show by now"
    series = 'count(http_server_request_duration_seconds_count{service_name="api-gateway",url_path!=""}) or vector(0)'
    assert measured.query(http, series) == 0
