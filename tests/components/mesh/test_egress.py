"""External calls: from a catalog's declared hosts to what proxies connect to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from otel_mesh import Catalog, ExternalCall, InvalidSettingsError, MeshHost, declared_egress, parse
from otel_mesh.mesh.istio.egress import EVERY_WORKLOAD, egress_manifests
from tests.components import golden_files

if TYPE_CHECKING:
    from otel_mesh.k8s.manifests import Manifest

COLLECTOR = MeshHost(service="otel-collector", namespace="observability")
CALLS: list[Any] = [
    "pay.example.com",
    {"host": "api.example.com", "port": 80, "protocol": "http", "tls_port": 443},
    {"host": "db.example.com", "port": 5432, "protocol": "tcp", "addresses": ["192.0.2.7/32"]},
]


TCP = {"host": "db.example.com", "port": 5432, "protocol": "tcp"}
WEB = {"name": "web", "port": 8080}


def catalog(calls: list[Any] = CALLS) -> Catalog:
    services = [{"name": "web", "port": 8080, "external_calls": calls}, {"name": "users", "port": 8081}]
    return Catalog.model_validate({"name": "shop", "services": services})


def rendered(calls: list[Any] = CALLS) -> list[Manifest]:
    return egress_manifests(declared_egress(catalog(calls), "shop", [COLLECTOR]), "shop")


def by_kind(manifests: list[Manifest], kind: str) -> dict[str, Any]:
    return {one["metadata"]["name"]: one["spec"] for one in manifests if one["kind"] == kind}


def test_the_objects_are_as_reviewed() -> None:
    golden_files.compare(golden_files.GOLDEN / "policies" / "egress.istio.yaml", rendered())


def test_a_host_outside_is_known_to_its_callers_proxies_only() -> None:
    sidecars = by_kind(rendered(), "Sidecar")
    hosts = {name: set(one["egress"][0]["hosts"]) for name, one in sidecars.items()}
    outside = {"./pay.example.com", "./api.example.com", "./db.example.com"}
    assert hosts["web-egress"] - hosts[EVERY_WORKLOAD] == outside
    assert "workloadSelector" not in sidecars[EVERY_WORKLOAD], "every other workload of the namespace"
    assert all(one["exportTo"] == ["."] for one in by_kind(rendered(), "ServiceEntry").values())


def test_inside_the_cluster_a_proxy_knows_the_catalog_and_the_collector() -> None:
    (egress,) = by_kind(rendered([]), "Sidecar")[EVERY_WORKLOAD]["egress"]
    assert egress["hosts"] == [
        "observability/otel-collector.observability.svc.cluster.local",
        "shop/users.shop.svc.cluster.local",
        "shop/web.shop.svc.cluster.local",
    ]


def test_the_proxy_s_tls_verifies_the_host() -> None:
    (rule,) = by_kind(rendered(), "DestinationRule").values()
    (setting,) = rule["trafficPolicy"]["portLevelSettings"]
    tls = {"mode": "SIMPLE", "sni": "api.example.com", "subjectAltNames": ["api.example.com"]}
    assert setting == {"port": {"number": 80}, "tls": {**tls, "caCertificates": "system"}}
    (port,) = by_kind(rendered(), "ServiceEntry")["external-api-example-com"]["ports"]
    assert port == {"number": 80, "name": "http-80", "protocol": "HTTP", "targetPort": 443}


def test_a_single_address_needs_no_dns() -> None:
    entry = by_kind(rendered(), "ServiceEntry")["external-db-example-com"]
    assert (entry["resolution"], entry["endpoints"]) == ("STATIC", [{"address": "192.0.2.7"}])
    ranged = by_kind(rendered([{"host": "db.example.com", "addresses": ["192.0.2.0/24"]}]), "ServiceEntry")
    assert ranged["external-db-example-com"]["resolution"] == "DNS"


def test_tcp_without_addresses_is_refused() -> None:
    with pytest.raises(InvalidSettingsError, match=r"external_calls\[0\]\.addresses: required for protocol 'tcp'"):
        parse(Catalog, {"name": "shop", "services": [{**WEB, "external_calls": [TCP]}]})


def test_a_name_alone_is_called_by_https() -> None:
    (call,) = catalog(["pay.example.com"]).services[0].external_calls
    assert call == ExternalCall(host="pay.example.com", port=443, protocol="https")
    assert Catalog.model_validate(catalog().model_dump(mode="json")) == catalog()


def test_tls_on_top_of_tls_is_refused() -> None:
    with pytest.raises(ValidationError, match="TLS by the proxy on top of protocol 'https'"):
        ExternalCall(host="pay.example.com", tls_port=443)
