"""The catalog: validation and derivations."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_mesh import Catalog, InvalidSettingsError, Service, Store, callee_environment, service_edges, topology
from otel_mesh.catalog.derivations import signal_matrix
from otel_mesh.core.errors import parse

SHOP = Catalog(
    name="shop",
    services=(
        Service(name="api-gateway", port=8080, calls=("user-service", "order-service"), exposed=True),
        Service(name="user-service", port=8081, stores=("postgres",)),
        Service(name="order-service", port=8082, protocol="grpc", calls=("user-service",)),
    ),
    stores=(Store(name="postgres", port=5432, system="postgresql"),),
)


def _refusal(catalog: object) -> list[str]:
    with pytest.raises(InvalidSettingsError) as refused:
        parse(Catalog, catalog)
    return [str(problem) for problem in refused.value.problems]


def test_callers_get_the_addresses_of_their_callees_only() -> None:
    assert callee_environment(SHOP, "api-gateway", "shop") == {
        "USER_SERVICE_URL": "http://user-service.shop.svc.cluster.local:8081",
        "ORDER_SERVICE_URL": "dns:///order-service.shop.svc.cluster.local:8082",
    }
    assert callee_environment(SHOP, "user-service", "shop") == {}


def test_edges_are_the_declared_calls_and_stores() -> None:
    assert service_edges(SHOP) == (
        ("api-gateway", "user-service"),
        ("api-gateway", "order-service"),
        ("user-service", "postgres"),
        ("order-service", "user-service"),
    )
    assert SHOP.callers("user-service") == ("api-gateway", "order-service")


def test_signals_derive_from_protocols_and_stores() -> None:
    matrix = signal_matrix(SHOP)
    assert matrix["api-gateway"].metrics == (
        "http.server.request.duration",
        "http.client.request.duration",
        "rpc.client.call.duration",
    )
    assert matrix["user-service"].metrics == ("http.server.request.duration", "db.client.operation.duration")
    assert matrix["order-service"].metrics == ("rpc.server.call.duration", "http.client.request.duration")
    assert matrix["user-service"].spans == ("SERVER", "CLIENT")


def test_a_leaf_emits_no_client_spans() -> None:
    leaf = Catalog(name="shop", services=(Service(name="alone", port=8080),))
    assert signal_matrix(leaf)["alone"].spans == ("SERVER",)


def test_topology_shows_the_entry_point_the_stores_and_every_edge() -> None:
    assert topology(SHOP).splitlines() == [
        "flowchart LR",
        "    outside([outside]) --> api-gateway",
        "    api-gateway[api-gateway]",
        "    user-service[user-service]",
        "    order-service[order-service]",
        "    postgres[(postgres)]",
        "    api-gateway -->|http| user-service",
        "    api-gateway -->|grpc| order-service",
        "    user-service -->|postgresql| postgres",
        "    order-service -->|http| user-service",
    ]


def test_mutual_calls_are_legitimate() -> None:
    mutual = Catalog(
        name="pair",
        services=(Service(name="a", port=8080, calls=("b",)), Service(name="b", port=8081, calls=("a",))),
    )
    assert service_edges(mutual) == (("a", "b"), ("b", "a"))


def test_all_problems_are_reported_with_path_reason_and_remedy() -> None:
    mistakes = _refusal(
        {
            "name": "shop",
            "services": [
                {"name": "user-service", "port": 8081, "calls": ["user-service", "oder-service"]},
                {"name": "order-service", "port": 8082, "stores": ["postgres"]},
                {"name": "order-service", "port": 8083, "calls": ["user-service", "user-service"]},
            ],
        }
    )
    assert mistakes == [
        "services[2].name: 'order-service' is also the name of services[1]; give each its own name",
        "services[0].calls[0]: 'user-service' calls itself; remove it",
        "services[0].calls[1]: 'oder-service' is not in the catalog; did you mean 'order-service'?",
        "services[1].stores[0]: 'postgres' is not in the catalog; remove it",
        "services[2].calls[1]: 'user-service' is listed twice; remove one",
    ]


@pytest.mark.parametrize(
    ("service", "mistake"),
    [
        ({"name": "a", "port": 80}, "services[0].port: should be at least 1024; raise it"),
        ({"name": "a", "port": 65536}, "services[0].port: should be at most 65535; lower it"),
        (
            {"name": "A_b", "port": 8080},
            (
                "services[0].name: is not a DNS label; use at most 63 lower case letters, digits and dashes, "
                "beginning with a letter"
            ),
        ),
        ({"name": "a", "port": 8080, "call": []}, "services[0].call: unknown key; did you mean 'calls'?"),
        ({"name": "a"}, "services[0].port: required but missing; add it"),
        (
            {"name": "a", "port": 8080, "protocol": "ftp"},
            "services[0].protocol: should be 'http' or 'grpc'; choose one of them",
        ),
    ],
)
def test_an_invalid_service_is_rejected(service: dict[str, object], mistake: str) -> None:
    assert _refusal({"name": "shop", "services": [service]}) == [mistake]


NAMES = st.sampled_from(["a", "b", "c", "db", "cache", "missing"])


@st.composite
def _catalogs(draw: st.DrawFn) -> dict[str, object]:
    services = [
        {"name": name, "port": 8080, "calls": draw(st.lists(NAMES, max_size=3))}
        | {"stores": draw(st.lists(NAMES, max_size=2))}
        for name in draw(st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=4))
    ]
    stores = [
        {"name": name, "port": 5432, "system": "redis"}
        for name in draw(st.lists(st.sampled_from(["db", "cache", "a"]), max_size=2))
    ]
    return {"name": "shop", "services": services, "stores": stores}


def _consistent(catalog: dict[str, object]) -> bool:
    """An independent statement of the rules."""
    services, stores = catalog["services"], catalog["stores"]
    assert isinstance(services, list)
    assert isinstance(stores, list)
    service_names, store_names = [one["name"] for one in services], [one["name"] for one in stores]
    names = service_names + store_names
    return len(set(names)) == len(names) and all(
        len(set(one[key])) == len(one[key]) and set(one[key]) <= set(known) - {one["name"]}
        for one in services
        for key, known in (("calls", service_names), ("stores", store_names))
    )


@settings(deadline=None)
@given(_catalogs())
def test_exactly_the_consistent_catalogs_are_accepted(catalog: dict[str, object]) -> None:
    if not _consistent(catalog):
        assert _refusal(catalog)
        return
    made = parse(Catalog, catalog)
    edges = service_edges(made)
    assert len(edges) == sum(len(one.calls) + len(one.stores) for one in made.services)
    assert all(caller != callee for caller, callee in edges)
    for service in made.services:
        environment = callee_environment(made, service.name, "shop")
        assert len(environment) == len(service.calls)
        assert set(made.callers(service.name)) == {one.name for one in made.services if service.name in one.callees}
