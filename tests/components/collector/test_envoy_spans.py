"""Envoy's spans, as Envoy sent them, after the real Collector has brought them to the common vocabulary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.trace import SpanKind

from otel_mesh import OtelCollectorSettings
from otel_mesh.collector.config import collector_config
from tests.components.collector.translated_spans import Sent, translated

if TYPE_CHECKING:
    from tests.built import Built

ISTIO = {
    "istio.canonical_revision": "0.1.0",
    "istio.canonical_service": "api-gateway",
    "istio.cluster_id": "Kubernetes",
    "istio.mesh_id": "cluster.local",
    "istio.namespace": "shop",
}
INBOUND = {
    **ISTIO,
    "component": "proxy",
    "downstream_cluster": "-",
    "guid:x-request-id": "fbcbd50f-2db4-9ea9-9f77-309ee4fe6d7c",
    "http.method": "GET",
    "http.protocol": "HTTP/1.1",
    "http.status_code": "200",
    "http.url": "http://shop.example:8080/api/users/123?token=secret",
    "node_id": "sidecar~10.87.0.10~api-gateway-7f85d98847-gb6jm.shop~shop.svc.cluster.local",
    "peer.address": "10.87.0.7",
    "request_size": "0",
    "response_flags": "-",
    "response_size": "58",
    "upstream_cluster": "inbound|8080||",
    "upstream_cluster.name": "inbound|8080||;",
    "user_agent": "curl/7.88.1",
    "zone": "",
}
"""An inbound span of a sidecar, as Envoy 1.40 sends it."""
UPSTREAM = {
    **ISTIO,
    "component": "proxy",
    "http.protocol": "HTTP/2",
    "http.status_code": "404",
    "peer.address": "10.87.0.10:8080",
    "response_flags": "-",
    "upstream_address": "10.87.0.10:8080",
    "upstream_cluster": "outbound|8080|v1|api-gateway.shop.svc.cluster.local",
    "upstream_cluster.name": "outbound|8080||api-gateway.shop.svc.cluster.local;",
}
"""A span of a gateway towards its upstream: it has no method and names no node."""
FAULT = {**INBOUND, "http.status_code": "503", "response_flags": "FI", "error": "true"}
GONE = {**INBOUND, "http.status_code": "0", "response_flags": "DC"}
GRPC = {
    **INBOUND,
    "grpc.status_code": "14",
    "grpc.message": "who knows what is in here",
    "grpc.path": "/shop.users.v1.UserService/GetUser",
    "http.method": "POST",
    "error": "true",
}
OWN = {"http.request.method": "GET", "error": "kept"}


@pytest.fixture(scope="module")
def spans(tmp_path_factory: pytest.TempPathFactory, built: Built) -> dict[str, dict[str, Any]]:
    sent = {
        "inbound": Sent(SpanKind.SERVER, INBOUND),
        "outbound": Sent(SpanKind.CLIENT, {**INBOUND, "upstream_cluster": "outbound|8081||user-service.shop.svc"}),
        "upstream": Sent(SpanKind.CLIENT, UPSTREAM),
        "fault": Sent(SpanKind.SERVER, FAULT, failed=True),
        "gone": Sent(SpanKind.SERVER, GONE),
        "own": Sent(SpanKind.SERVER, OWN),
        "grpc": Sent(SpanKind.SERVER, GRPC),
        "missing": Sent(SpanKind.SERVER, {**GRPC, "grpc.status_code": "5"}),
        "told": Sent(SpanKind.CLIENT, {**GRPC, "grpc.status_code": "5"}),
    }
    return translated(built("otelcol") / "otelcol", tmp_path_factory.mktemp("proxy-spans"), "envoy", sent)


def test_a_sidecar_span_gets_the_attributes_of_a_service_span(spans: dict[str, dict[str, Any]]) -> None:
    span = spans["inbound"]
    assert span["name"] == "GET"
    assert span["attributes"] == {
        "http.request.body.size": 0,
        "http.request.method": "GET",
        "http.response.body.size": 58,
        "http.response.status_code": 200,
        "network.protocol.version": "1.1",
        "otel_mesh.proxy": "sidecar",
        "otel_mesh.request.id": "fbcbd50f-2db4-9ea9-9f77-309ee4fe6d7c",
        "server.address": "shop.example",
        "url.path": "/api/users/123",
        "url.scheme": "http",
        "user_agent.original": "curl/7.88.1",
    }
    assert span["resource"]["service.version"] == "0.1.0"
    assert span["resource"]["service.instance.id"] == "uid-1"
    assert "code" not in span["status"]


def test_a_client_span_has_the_callee_and_no_query_string(spans: dict[str, dict[str, Any]]) -> None:
    attributes = spans["outbound"]["attributes"]
    assert attributes["url.full"] == "http://shop.example/api/users/123"
    assert attributes["server.address"] == "user-service.shop.svc"
    assert not {"url.path", "url.scheme"} & attributes.keys()


def test_a_gateway_client_span_is_translated(spans: dict[str, dict[str, Any]]) -> None:
    span = spans["upstream"]
    assert span["name"] == "HTTP"
    assert span["attributes"] == {
        "error.type": "404",
        "http.response.status_code": 404,
        "network.protocol.version": "2",
        "otel_mesh.proxy": "gateway",
        "server.address": "api-gateway.shop.svc.cluster.local",
    }
    assert span["status"]["code"] == 2


def test_an_injected_fault_is_marked_in_the_span(spans: dict[str, dict[str, Any]]) -> None:
    attributes = spans["fault"]["attributes"]
    assert attributes["otel_mesh.proxy.response_flags"] == "FI"
    assert attributes["error.type"] == "503"
    assert spans["fault"]["status"]["code"] == 2


def test_the_grpc_status_decides_the_span_status_of_a_grpc_call(spans: dict[str, dict[str, Any]]) -> None:
    span = spans["grpc"]
    assert span["status"]["code"] == 2
    assert {key: value for key, value in span["attributes"].items() if key.startswith(("rpc", "grpc", "error"))} == {
        "error.type": "UNAVAILABLE",
        "rpc.method": "shop.users.v1.UserService/GetUser",
        "rpc.response.status_code": "UNAVAILABLE",
        "rpc.system.name": "grpc",
    }
    assert "code" not in spans["missing"]["status"], "an answer, as of a server"
    assert spans["told"]["status"]["code"] == 2


def test_a_request_without_a_response_has_no_status_code(spans: dict[str, dict[str, Any]]) -> None:
    attributes = spans["gone"]["attributes"]
    assert attributes["otel_mesh.proxy.response_flags"] == "DC"
    assert "http.response.status_code" not in attributes


def test_a_service_span_is_not_changed(spans: dict[str, dict[str, Any]]) -> None:
    assert spans["own"]["name"] == "own/*"
    assert spans["own"]["attributes"] == OWN


def test_spans_are_translated_after_the_sender_is_identified() -> None:
    plain = collector_config(OtelCollectorSettings())
    config = collector_config(OtelCollectorSettings(), proxy_spans="envoy")
    assert config["service"]["pipelines"]["traces"]["processors"] == [
        "memory_limiter",
        "k8s_attributes",
        "transform/proxy_spans",
        "resource/cluster",
    ]
    assert config["service"]["pipelines"]["metrics"] == plain["service"]["pipelines"]["metrics"]
    assert "transform/proxy_spans" not in plain["processors"]
