"""Spans of Envoy as a Linkerd's gateway: translated beside Linkerd's own, with their pod as the resource."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.trace import SpanKind

from tests.components.collector.test_envoy_spans import UPSTREAM
from tests.components.collector.test_linkerd_spans import OUTBOUND, PROXY
from tests.components.collector.translated_spans import Sent, translated

if TYPE_CHECKING:
    from tests.built import Built

SERVED = {
    "component": "proxy",
    "http.method": "GET",
    "http.status_code": "200",
    "http.url": "http://shop.example/api/users/123?token=secret",
    "k8s.pod.uid": "uid-of-the-gateway",
    "node_id": "ingress-6b8f-x",
    "upstream_cluster": "httproute/shop/api-gateway-gateway/rule/0",
}


@pytest.fixture(scope="module")
def spans(tmp_path_factory: pytest.TempPathFactory, built: Built) -> dict[str, dict[str, Any]]:
    sent = {
        "ingress": Sent(SpanKind.SERVER, SERVED),
        "upstream": Sent(SpanKind.CLIENT, {**UPSTREAM, "k8s.pod.uid": "uid-of-the-gateway"}),
        "beside": Sent(SpanKind.CLIENT, OUTBOUND, PROXY, name="/"),
        "own": Sent(SpanKind.SERVER, {"k8s.pod.uid": "kept"}),
    }
    return translated(built("otelcol") / "otelcol", tmp_path_factory.mktemp("gateway-spans"), "envoy+linkerd", sent)


def test_the_gateway_s_spans_are_those_of_a_gateway(spans: dict[str, dict[str, Any]]) -> None:
    span = spans["ingress"]
    assert (span["name"], span["kind"]) == ("GET", 2)
    assert span["attributes"] == {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "otel_mesh.proxy": "gateway",
        "server.address": "shop.example",
        "url.path": "/api/users/123",
        "url.scheme": "http",
    }
    assert spans["upstream"]["attributes"]["otel_mesh.proxy"] == "gateway"


def test_the_pod_of_the_gateway_becomes_its_resource(spans: dict[str, dict[str, Any]]) -> None:
    for name in ("ingress", "upstream"):
        assert spans[name]["resource"]["k8s.pod.uid"] == "uid-of-the-gateway"
        assert spans[name]["resource"]["service.instance.id"] == "uid-of-the-gateway"
        assert "k8s.pod.uid" not in spans[name]["attributes"]


def test_other_spans_are_as_before(spans: dict[str, dict[str, Any]]) -> None:
    assert spans["beside"]["attributes"]["otel_mesh.proxy"] == "sidecar"
    assert spans["own"]["attributes"] == {"k8s.pod.uid": "kept"}
    assert {spans[name]["resource"]["k8s.pod.uid"] for name in ("beside", "own")} == {"uid-1"}
