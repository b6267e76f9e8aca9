"""B11: stores with TLS outside the mesh: a service with a sidecar verifies them and works; another is kept away."""

from __future__ import annotations

import base64
import json
import secrets
from typing import TYPE_CHECKING, Any, Final

import pytest

from otel_mesh import (
    Catalog,
    IstioSettings,
    MicroserviceArgs,
    MicroserviceSettings,
    OutsidePostgres,
    OutsideRedis,
    PostgresArgs,
    PostgresSettings,
    RedisArgs,
    RedisSettings,
    declared_egress,
    with_outside_stores,
)
from otel_mesh.mesh.istio.binding import istio_binding
from otel_mesh.mesh.istio.egress import egress_manifests
from otel_mesh.services.microservice_objects import microservice_manifests
from otel_mesh.services.postgres import postgres_manifests
from otel_mesh.services.redis import redis_manifests
from otel_mesh_embedded.pki import authorities
from tests.e2e.cluster_objects import as_list

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = [pytest.mark.e2e, pytest.mark.full]

SPACE: Final = f"stores-{secrets.token_hex(3)}"
ELSEWHERE: Final = f"{SPACE}-outside"
HOSTS: Final = {"postgres": "db.example.com", "redis": "cache.example.com"}
PASSWORD: Final = secrets.token_hex(16)
TLS_DIR: Final = "/etc/tls"
PING: Final = """
import asyncio, dataclasses
from service_kit.cache_store import CacheSettings, CacheStore
from service_kit.settings import Environment
async def main():
    settings = dataclasses.replace(CacheSettings.from_environment(Environment()), timeout=10)
    cache = CacheStore(settings, keyspaces=("e2e",))
    await cache.write("e2e:1", b"a", 60)
    print((await cache.read("e2e:1")).decode(), settings.tls.mode)
asyncio.run(main())
"""
CONNECT: Final = """
import socket, sys
try:
    with socket.create_connection((sys.argv[1], int(sys.argv[2])), 10) as connection:
        connection.sendall(bytes.fromhex("0000000804d2162f"))  # PostgreSQL's request for TLS
        print("answered" if connection.recv(1) == b"S" else "closed")
except OSError:
    print("closed")
"""


def secret(name: str, namespace: str, values: dict[str, str]) -> dict[str, Any]:
    data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": namespace}, "data": data}


def with_tls(manifests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The component's server with a certificate, which our own components do not have: their mesh encrypts."""
    for manifest in manifests:
        if manifest["kind"] == "ConfigMap" and "redis.conf" in manifest["data"]:
            files = manifest["data"]
            named = f"tls-cert-file {TLS_DIR}/server.crt\ntls-key-file {TLS_DIR}/server.key\ntls-auth-clients no"
            files["redis.conf"] = files["redis.conf"].replace("port 6379", f"port 0\ntls-port 6379\n{named}")
            files["ping.sh"] = files["ping.sh"].replace("redis-cli", "redis-cli --tls --insecure")
        if manifest["kind"] in {"Deployment", "StatefulSet"}:
            pod = manifest["spec"]["template"]["spec"]
            pod["volumes"].append({"name": "tls", "secret": {"secretName": "tls", "defaultMode": 0o440}})
            (container,) = pod["containers"]
            container["volumeMounts"].append({"name": "tls", "mountPath": TLS_DIR})
            if container["name"] == "postgres":
                files = {"ssl_cert_file": f"{TLS_DIR}/server.crt", "ssl_key_file": f"{TLS_DIR}/server.key"}
                options = [f"{key}={value}" for key, value in {"ssl": "on", **files}.items()]
                container["args"] = ["postgres", *(word for option in options for word in ("-c", option))]
    return manifests


def servers(images: dict[str, str], pki: Path) -> list[dict[str, Any]]:
    database = PostgresSettings.model_validate(
        {"image": images["postgres"], "databases": ["user_service"], "roles": {}, "storage": {"kind": "ephemeral"}}
    )
    cache = RedisSettings(image=images["redis"])
    keys = {name: (pki / name).read_text() for name in ("server.crt", "server.key")}
    args = PostgresArgs(
        namespace=ELSEWHERE, password=PASSWORD, migrations_password=PASSWORD, services_password=PASSWORD
    )
    return [
        secret("tls", ELSEWHERE, keys),
        *with_tls(postgres_manifests(args, database)),
        *with_tls(redis_manifests(RedisArgs(namespace=ELSEWHERE, password=PASSWORD), cache)),
    ]


def catalog(addresses: dict[str, str]) -> tuple[Catalog, OutsidePostgres, OutsideRedis]:
    """Two services, of which one uses the stores."""
    stores = [
        {"name": "postgres", "port": 5432, "system": "postgresql"},
        {"name": "redis", "port": 6379, "system": "redis"},
    ]
    user = {"name": "user-service", "port": 8081, "protocol": "grpc", "stores": ["postgres", "redis"]}
    made = Catalog.model_validate(
        {"name": SPACE, "services": [user, {"name": "other", "port": 8080}], "stores": stores}
    )
    ca = {"ca": {"secret": "authority"}}
    database = OutsidePostgres.model_validate(
        {
            "host": HOSTS["postgres"],
            "services_secret": "rows",
            "migrations_secret": "schema",
            "tls": ca,
            "addresses": [f"{addresses['postgres']}/32"],
        }
    )
    cache = OutsideRedis.model_validate(
        {
            "host": HOSTS["redis"],
            "login_secret": "cache",
            "tls": ca,
            "addresses": [f"{addresses['redis']}/32"],
        }
    )
    return made, database, cache


def callers(image: str, addresses: dict[str, str], pki: Path) -> list[dict[str, Any]]:
    """The service with its egress, and another workload of the namespace with the same image."""
    made, database, cache = catalog(addresses)
    placed = with_outside_stores(made, {"postgres": database.call(), "redis": cache.call()})
    common = {
        "service_namespace": SPACE,
        "environment": "development",
        "host_aliases": {addresses[store]: [host] for store, host in HOSTS.items()},
    }
    mesh = istio_binding(IstioSettings())
    user, other = (
        MicroserviceSettings.model_validate({**common, "service": one, **further})
        for one, further in zip(
            made.services,
            ({}, {"command": ["sleep", "3600"], "health": {"enabled": False}}),
            strict=True,
        )
    )
    with_stores = MicroserviceArgs(
        namespace=SPACE,
        image=image,
        settings=user,
        mesh=mesh,
        database=database.access("user_service"),
        cache=cache.access(),
        variables={"REDIS_TIMEOUT_SECONDS": "2"},
    )
    plain = MicroserviceArgs(namespace=SPACE, image=image, settings=other, mesh=mesh)
    return [
        secret("rows", SPACE, {"username": "app_services", "password": PASSWORD}),
        secret("schema", SPACE, {"username": "app_migrations", "password": PASSWORD}),
        secret("cache", SPACE, {"username": "app", "password": PASSWORD}),
        secret("authority", SPACE, {"ca.crt": (pki / "ca.crt").read_text()}),
        *egress_manifests(declared_egress(placed, SPACE), SPACE),
        *microservice_manifests(with_stores, user),
        *microservice_manifests(plain, other),
    ]


def apply(kubectl: Callable[..., str], items: list[dict[str, Any]]) -> None:
    kubectl("apply", "-f", "-", input=as_list(items))


def wait(kubectl: Callable[..., str], namespace: str) -> None:
    kubectl("wait", "-n", namespace, "pod", "--all", "--for=condition=Ready", "--timeout=180s", timeout=240)


@pytest.fixture(scope="module")
def addresses(kubectl: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Addresses of the stores; the service that uses them runs in the mesh, and they do not."""
    pki = tmp_path_factory.mktemp("pki")
    leaf = authorities.Leaf("server", "ca", "a store", server=True, dns_names=tuple(HOSTS.values()))
    authorities.ensure(pki, ["ca"], [leaf])
    pods = json.loads(kubectl("get", "pods", "-n", "shop", "-o", "json"))["items"]
    images = {one["name"]: one["image"] for pod in pods for one in pod["spec"]["containers"]}
    labels = json.loads(kubectl("get", "namespace", "shop", "-o", "json"))["metadata"]["labels"]
    kept = {name: value for name, value in labels.items() if not name.startswith(("app.", "kubernetes.io/metadata"))}
    unmeshed = {name: value for name, value in kept.items() if not name.startswith("istio")}
    spaces = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": one}}
        for name, one in ((SPACE, kept), (ELSEWHERE, unmeshed))
    ]
    try:
        apply(kubectl, [*spaces, *servers(images, pki)])
        wait(kubectl, ELSEWHERE)
        found = {
            store: kubectl(
                *("get", "pod", "-n", ELSEWHERE, "-l", f"app.kubernetes.io/instance={store}"),
                *("-o", "jsonpath={.items[0].status.podIP}"),
            )
            for store in HOSTS
        }
        apply(kubectl, callers(images["user-service"], found, pki))
        wait(kubectl, SPACE)
        yield found
    finally:
        kubectl("delete", "namespace", SPACE, ELSEWHERE, "--ignore-not-found", "--wait=false")


@pytest.mark.usefixtures("addresses")
def test_a_service_in_the_mesh_uses_the_database_by_tls(kubectl: Callable[..., str]) -> None:
    """It is ready: its init container has migrated the database, and it reads it."""
    sidecars = kubectl("get", "pod", "-n", SPACE, "-o", "jsonpath={.items[*].spec.initContainers[*].name}")
    assert "istio-proxy" in sidecars
    ask = (
        "SELECT DISTINCT usename, ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = 'app_services'"
    )
    command = f'PGPASSWORD=$(cat "$POSTGRES_PASSWORD_FILE") psql -h 127.0.0.1 -U app -d user_service -Atc "{ask}"'
    words = ("exec", "-n", ELSEWHERE, "postgres-0", "-c", "postgres", "--", "sh", "-c", command)
    assert kubectl(*words).strip() == "app_services|t"


@pytest.mark.usefixtures("addresses")
def test_a_service_in_the_mesh_uses_the_cache_by_tls(kubectl: Callable[..., str]) -> None:
    words = ("exec", "-n", SPACE, "deploy/user-service", "-c", "user-service", "--", "python", "-c", PING)
    assert kubectl(*words).strip() == "a verify-full"


@pytest.mark.parametrize(("workload", "answer"), [("user-service", "answered"), ("other", "closed")])
def test_the_mesh_lets_the_declared_service_out_and_no_other(
    kubectl: Callable[..., str], addresses: dict[str, str], workload: str, answer: str
) -> None:
    words = ("exec", "-n", SPACE, f"deploy/{workload}", "-c", workload, "--", "python", "-c", CONNECT)
    assert kubectl(*words, addresses["postgres"], "5432").strip() == answer
