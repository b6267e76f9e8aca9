"""B7: queries of the telemetry contract, and the status of observed edges."""

from __future__ import annotations

import pytest

from otel_mesh import Catalog, EdgeStanding, InvalidSettingsError, Service, Store, edge_standing, service_edges
from otel_mesh.catalog.contract import log_query, metric_query, named_callee, silent_edges
from otel_mesh.catalog.derivations import signal_matrix
from otel_mesh.core.errors import parse

SHOP = Catalog(
    name="shop",
    services=(
        Service(name="api-gateway", port=8080, calls=("user-service",), exposed=True),
        Service(name="user-service", port=8081, protocol="grpc", stores=("postgres", "redis")),
        Service(
            name="payment-service",
            port=8083,
            stores=("postgres",),
            external_calls=("bank.example",),
            metrics=("shop.payments",),
        ),
    ),
    stores=(Store(name="postgres", port=5432, system="postgresql"), Store(name="redis", port=6379, system="redis")),
)


@pytest.mark.parametrize(
    ("caller", "callee", "standing"),
    [
        *((caller, callee, EdgeStanding.DECLARED) for caller, callee in service_edges(SHOP)),
        ("user", "api-gateway", EdgeStanding.ENTRANCE),
        ("user", "ingress", EdgeStanding.ENTRANCE),
        ("ingress", "api-gateway", EdgeStanding.ENTRANCE),
        ("ingress", "user-service", EdgeStanding.UNDECLARED),
        ("user", "payment-service", EdgeStanding.UNDECLARED),
        ("user-service", "api-gateway", EdgeStanding.UNDECLARED),
        ("api-gateway", "postgres", EdgeStanding.UNDECLARED),
        ("payment-service", "external", EdgeStanding.DECLARED),
        ("user-service", "external", EdgeStanding.UNDECLARED),
        ("stranger", "user-service", EdgeStanding.UNDECLARED),
    ],
)
def test_status_of_observed_edges(caller: str, callee: str, standing: EdgeStanding) -> None:
    assert edge_standing(SHOP, caller, callee, ("ingress",)) is standing


def test_a_store_without_a_host_name_is_found_by_its_system() -> None:
    assert named_callee(SHOP, "user-service", "postgresql") == "postgres"
    assert named_callee(SHOP, "api-gateway", "postgresql") == "postgresql", "it has none"
    assert named_callee(SHOP, "stranger", "postgresql") == "postgresql"
    assert named_callee(SHOP, "user-service", "redis") == "redis"


def test_a_store_of_another_namespace_is_found_by_its_host() -> None:
    moved = (one.model_copy(update={"host": "db.data.svc"} if one.name == "postgres" else {}) for one in SHOP.stores)
    elsewhere = SHOP.model_copy(update={"stores": tuple(moved)})
    assert named_callee(elsewhere, "user-service", "db") == "postgres"
    assert named_callee(elsewhere, "api-gateway", "db") == "db", "it has none"
    assert named_callee(SHOP, "user-service", "db") == "db"


def test_unobserved_edges_are_reported() -> None:
    assert silent_edges(SHOP, [("api-gateway", "user-service"), ("user-service", "redis")]) == (
        ("user-service", "postgres"),
        ("payment-service", "postgres"),
    )
    assert silent_edges(SHOP, service_edges(SHOP)) == ()


def test_own_instruments_are_part_of_the_contract() -> None:
    assert signal_matrix(SHOP)["payment-service"].metrics == (
        "http.server.request.duration",
        "db.client.operation.duration",
        "shop.payments",
    )
    with pytest.raises(InvalidSettingsError, match="is not an instrument name; write lower case words with dots"):
        parse(Service, {"name": "a", "port": 8080, "metrics": ["Shop Payments"]})


def test_queries() -> None:
    assert metric_query("a", "http.server.request.duration") == (
        'count({__name__=~"http_server_request_duration(_.+)?",service_name="a"}) > 0'
    )
    assert log_query("a") == '{service.name="a"} trace_id:*'
