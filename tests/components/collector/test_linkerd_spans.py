"""Spans of Linkerd's proxies, as edge-26.8.3 sent them, after the real Collector has translated them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.trace import SpanKind

from tests.components.collector.translated_spans import Sent, translated

if TYPE_CHECKING:
    from tests.built import Built

PROXY = {
    "app": "order-service",
    "app.kubernetes.io/name": "order-service",
    "app.kubernetes.io/version": "0.1.0",
    "k8s.container.name": "linkerd-proxy",
    "k8s.namespace.name": "shop",
    "linkerd.io/workload-ns": "shop",
    "pod-template-hash": "6494879cb7",
    "service.mesh": "linkerd",
    "version": "v2",
}
INBOUND = {
    "direction": "inbound",
    "http.request.header.content-length": "153",
    "http.request.header.content-type": "application/json",
    "http.request.header.l5d-orig-proto": "HTTP/1.1",
    "http.request.method": "POST",
    "http.response.status_code": "201",
    "network.transport": "tcp",
    "server.address": "order-service.shop.svc.cluster.local",
    "server.port": "8082",
    "url.full": "http://order-service.shop.svc.cluster.local:8082/orders?token=secret",
    "url.path": "/orders",
    "url.query": "token=secret",
    "url.scheme": "http",
    "user_agent.original": "python-httpx/0.28.1",
}
OUTBOUND = {**INBOUND, "direction": "outbound"}
RPC = {
    **OUTBOUND,
    "http.request.header.content-type": "application/grpc",
    "http.response.status_code": "200",
    "url.full": "/shop.user.v1.UserService/GetUser?token=secret",
    "url.path": "/shop.user.v1.UserService/GetUser",
}
OWN = {"direction": "inbound", "http.request.method": "GET", "url.query": "kept"}


@pytest.fixture(scope="module")
def spans(tmp_path_factory: pytest.TempPathFactory, built: Built) -> dict[str, dict[str, Any]]:
    def proxy(kind: SpanKind, attributes: dict[str, str]) -> Sent:
        return Sent(kind, attributes, PROXY, name=attributes["url.path"])

    sent = {
        "accepted": proxy(SpanKind.SERVER, INBOUND),
        "forwarded": proxy(SpanKind.CLIENT, INBOUND),
        "taken": proxy(SpanKind.SERVER, OUTBOUND),
        "sent": proxy(SpanKind.CLIENT, OUTBOUND),
        "missing": proxy(SpanKind.CLIENT, {**OUTBOUND, "http.response.status_code": "404"}),
        "refused": proxy(SpanKind.SERVER, {**INBOUND, "http.response.status_code": "403"}),
        "broken": proxy(SpanKind.SERVER, {**INBOUND, "http.response.status_code": "503"}),
        "grpc": proxy(SpanKind.CLIENT, RPC),
        "own": Sent(SpanKind.SERVER, OWN, {"app": "kept"}),
    }
    return translated(built("otelcol") / "otelcol", tmp_path_factory.mktemp("proxy-spans"), "linkerd", sent)


def test_a_server_span_gets_the_attributes_of_a_service_span(spans: dict[str, dict[str, Any]]) -> None:
    span = spans["accepted"]
    assert (span["name"], span["kind"]) == ("POST", 2)
    assert span["attributes"] == {
        "http.request.body.size": 153,
        "http.request.method": "POST",
        "http.response.status_code": 201,
        "otel_mesh.proxy": "sidecar",
        "server.address": "order-service.shop.svc.cluster.local",
        "server.port": 8082,
        "url.path": "/orders",
        "url.scheme": "http",
        "user_agent.original": "python-httpx/0.28.1",
    }
    assert "code" not in span["status"]


def test_the_resource_is_that_of_the_service(spans: dict[str, dict[str, Any]]) -> None:
    resource = spans["accepted"]["resource"]
    assert {key: value for key, value in resource.items() if not key.startswith("telemetry.")} == {
        "k8s.container.name": "linkerd-proxy",
        "k8s.namespace.name": "shop",
        "k8s.pod.uid": "uid-1",
        "service.instance.id": "uid-1",
        "service.mesh": "linkerd",
        "service.name": "accepted",
        "service.namespace": "shop",
        "service.version": "0.1.0",
    }


def test_only_spans_between_pods_are_client_and_server_spans(spans: dict[str, dict[str, Any]]) -> None:
    kinds = {key: spans[key]["kind"] for key in ("taken", "sent", "accepted", "forwarded")}
    assert kinds == {"taken": 1, "sent": 3, "accepted": 2, "forwarded": 1}
    assert all(spans[key]["attributes"]["otel_mesh.proxy"] == "sidecar" for key in kinds)


def test_a_client_span_has_its_url_without_the_query(spans: dict[str, dict[str, Any]]) -> None:
    attributes = spans["sent"]["attributes"]
    assert attributes["url.full"] == "http://order-service.shop.svc.cluster.local/orders"
    assert not {"url.path", "url.scheme"} & attributes.keys()
    assert not any("secret" in str(span["attributes"]) for span in spans.values())


def test_the_http_status_decides_the_span_status(spans: dict[str, dict[str, Any]]) -> None:
    assert (spans["missing"]["status"]["code"], spans["missing"]["attributes"]["error.type"]) == (2, "404")
    assert (spans["broken"]["status"]["code"], spans["broken"]["attributes"]["error.type"]) == (2, "503")
    assert "code" not in spans["refused"]["status"], "an answer, as of a server"


def test_a_grpc_call_has_its_method_and_no_status(spans: dict[str, dict[str, Any]]) -> None:
    attributes = spans["grpc"]["attributes"]
    assert {key: value for key, value in attributes.items() if key.startswith("rpc")} == {
        "rpc.method": "shop.user.v1.UserService/GetUser",
        "rpc.system.name": "grpc",
    }


def test_a_service_span_is_not_changed(spans: dict[str, dict[str, Any]]) -> None:
    own = spans["own"]
    assert (own["name"], own["attributes"], own["resource"]["app"]) == ("own/*", OWN, "kept")
