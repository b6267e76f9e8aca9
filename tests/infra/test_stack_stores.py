"""B11: stores outside by the setting of the stack's own: what is deployed, and what mesh and network let through."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from otel_mesh import Addresses, MeshHost, NoMesh, Pods, declared_access, declared_egress, service_pods, workload_pods
from otel_mesh.mesh.istio.egress import egress_manifests
from otel_mesh_stack import network, stores
from otel_mesh_stack.deploy import deploy
from otel_mesh_stack.services import CATALOG
from tests.components.pulumi_program import settle
from tests.infra.stack_config import MESHED, accepted, changed, use

if TYPE_CHECKING:
    import asyncio

    from otel_mesh.k8s.network_policy import Peer
    from otel_mesh_stack.model import StackSettings

CERTIFIED: Final = {"ca": {"secret": "database-ca"}}
OUTSIDE: Final = {
    "postgres": {
        "host": "db.example.com",
        "services_secret": "shop-services",
        "migrations_secret": "shop-migrations",
        "tls": CERTIFIED,
        "addresses": ["192.0.2.10/32"],
    },
    "redis": {"host": "cache.example.com", "port": 6380, "login_secret": "shop-cache"},
}
NEIGHBOURS: Final = {
    "postgres": {"host": "db.data.svc.cluster.local", "services_secret": "shop-services", "tls": CERTIFIED},
    "redis": {"host": "cache.data.svc", "login_secret": "shop-cache", "tls": {"mode": "disable"}},
}
WITHOUT_OWN: Final = {"postgres_password_file": None, "redis_password_file": None, "postgres_backup": None}
SERVICES: Final = [one.name for one in CATALOG.services]
USERS: Final = {name: {one.name for one in CATALOG.services if name in one.stores} for name in ("postgres", "redis")}


def settings(**values: Any) -> StackSettings:  # noqa: ANN401 - of a stack file
    return accepted(changed(**MESHED, **WITHOUT_OWN, **values)).settings


def test_only_the_services_are_deployed_and_connect_with_the_named_secrets(loop: asyncio.AbstractEventLoop) -> None:
    mocks = use(changed(**WITHOUT_OWN, **OUTSIDE, mesh__kind="none"))
    deploy()
    settle(loop)
    made = {one.inputs["metadata"]["name"] for one in mocks.registered if "metadata" in one.inputs}
    assert not {"postgres", "redis", "postgres-credentials", "redis-credentials"} & made
    (service,) = [
        one.inputs["spec"]["template"]["spec"]
        for one in mocks.registered
        if one.typ.endswith(":Deployment") and one.inputs["metadata"]["name"] == "user-service"
    ]
    variables = {one["name"]: one.get("value") for one in service["containers"][0]["env"]}
    assert (variables["DATABASE_HOST"], variables["DATABASE_TLS_MODE"]) == ("db.example.com", "verify-full")
    assert (variables["REDIS_HOST"], variables["REDIS_PORT"]) == ("cache.example.com", "6380")
    secrets = {one["secret"]["secretName"] for one in service["volumes"] if "secret" in one}
    assert secrets == {"shop-services", "shop-migrations", "shop-cache", "database-ca"}


def test_the_mesh_lets_the_users_of_a_store_out_and_no_others() -> None:
    placed = stores.placed(settings(**OUTSIDE))
    made = egress_manifests(declared_egress(placed, "shop"), "shop")
    ports = {
        one["spec"]["hosts"][0]: (one["spec"]["ports"][0]["protocol"], one["spec"]["ports"][0]["number"])
        for one in made
        if one["kind"] == "ServiceEntry"
    }
    assert ports == {"db.example.com": ("TCP", 5432), "cache.example.com": ("TLS", 6380)}
    allowed = {
        one["metadata"]["name"].removesuffix("-egress"): one["spec"]["egress"][0]["hosts"]
        for one in made
        if one["kind"] == "Sidecar"
    }
    for store, host in (("postgres", "./db.example.com"), ("redis", "./cache.example.com")):
        assert {name for name, hosts in allowed.items() if host in hosts} == USERS[store]
    assert {one.workload for one in declared_access(placed, "shop")} == {one.name for one in CATALOG.services}


@pytest.mark.parametrize(
    ("values", "database", "cache"),
    [
        (OUTSIDE, Addresses(cidrs=("192.0.2.10/32",)), Addresses()),
        (NEIGHBOURS, Pods(namespace="data"), Pods(namespace="data")),
    ],
    ids=["outside", "neighbours"],
)
def test_the_network_lets_the_users_of_a_store_out(values: dict[str, Any], database: Peer, cache: Peer) -> None:
    found = list(network.connections(settings(**values), NoMesh()))
    own = {name: [one.destination for one in found if one.source == service_pods("shop", name)] for name in SERVICES}
    for store, peer in (("postgres", database), ("redis", cache)):
        assert {name for name, peers in own.items() if peer in peers} >= USERS[store]
    assert workload_pods("shop", "postgres") not in [one.destination for one in found]


def test_a_neighbours_store_is_a_host_of_its_users_proxies() -> None:
    hosts = stores.hosts_of_neighbours(settings(**NEIGHBOURS))
    database, cache = (MeshHost(service=name, namespace="data") for name in ("db", "cache"))
    assert {name for name, found in hosts.items() if database in found} == USERS["postgres"]
    assert {name for name, found in hosts.items() if cache in found} == USERS["redis"]
    assert not any(one.external_calls for one in stores.placed(settings(**NEIGHBOURS)).services)
