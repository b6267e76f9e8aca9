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


BACKUPS: Final = {"postgres_backup": {"storage": {"kind": "ephemeral"}}}
BUCKET: Final = {"bucket": "backups", "credentials_secret": "backup-store", "image": "registry.invalid/backup-store:1"}


def backed_up(**store: Any) -> StackSettings:  # noqa: ANN401 - of a stack file
    return accepted(changed(**MESHED, postgres_backup={**BACKUPS["postgres_backup"], "store": BUCKET | store})).settings


def egress_of(settings: StackSettings) -> dict[str, dict[str, Any]]:
    """The objects that let workloads out, by kind and name."""
    further, outside = stores.hosts_of_neighbours(settings), stores.calls_of_backups(settings)
    made = egress_manifests(declared_egress(stores.placed(settings), "shop", (), further, outside), "shop")
    return {f"{one['kind']}/{one['metadata']['name']}": one["spec"] for one in made}


def peers_of_backups(settings: StackSettings) -> list[Peer]:
    found = network.connections(settings, NoMesh())
    return [one.destination for one in found if one.source == workload_pods("shop", "postgres-backup")]


def test_mesh_and_network_let_the_backups_out_to_their_store_and_no_others() -> None:
    settings = backed_up(endpoint="https://objects.example.com:9000", addresses=["192.0.2.20/32"])
    made = egress_of(settings)
    (port,) = made["ServiceEntry/external-objects-example-com"]["ports"]
    assert (port["protocol"], port["number"]) == ("TLS", 9000)
    allowed = {name: one["egress"][0]["hosts"] for name, one in made.items() if name.startswith("Sidecar/")}
    assert [name for name, hosts in allowed.items() if "./objects.example.com" in hosts] == [
        "Sidecar/postgres-backup-egress"
    ]
    assert "shop/postgres.shop.svc.cluster.local" in allowed["Sidecar/postgres-backup-egress"]
    selected = made["Sidecar/postgres-backup-egress"]["workloadSelector"]["labels"]
    assert selected == {"app.kubernetes.io/instance": "postgres-backup"}
    assert Addresses(cidrs=("192.0.2.20/32",)) in peers_of_backups(settings)


def test_the_backups_reach_a_store_of_another_namespace_and_those_who_vouch_for_a_cloud_identity() -> None:
    settings = backed_up(endpoint="http://objects.data.svc:9000")
    hosts = egress_of(settings)["Sidecar/postgres-backup-egress"]["egress"][0]["hosts"]
    assert "data/objects.data.svc.cluster.local" in hosts
    assert Pods(namespace="data") in peers_of_backups(settings)
    vouched = {"credentials_secret": None, "identity_calls": ["sts.example.com"]}
    settings = backed_up(endpoint="https://objects.example.com", **vouched)
    assert "ServiceEntry/external-sts-example-com" in egress_of(settings)


def test_the_program_that_copies_dumps_has_the_image_of_the_registry() -> None:
    store = {"endpoint": "https://objects.example.com", "bucket": "backups"}
    images = {"registry": "registry.example.com/shop", "tag": "7"}
    made = accepted(changed(postgres_backup={"store": store}, images=images)).settings.postgres_backup
    assert made is not None
    assert made.store is not None
    assert made.store.image == "registry.example.com/shop/backup-store:7"
