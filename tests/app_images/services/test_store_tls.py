"""Stores outside the stack: a real PostgreSQL and a real Redis with TLS, and what the services' settings verify."""

from __future__ import annotations

import asyncio
import contextlib
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple

import psycopg
import pytest

from otel_mesh import CacheAccess, DatabaseAccess, StoreTls
from otel_mesh.services.store_access import cache_environment, database_environment
from otel_mesh_embedded.pki import authorities
from service_kit.cache_store import CacheSettings, CacheStore, CacheUnavailableError
from service_kit.database import Database, DatabaseSettings, UnavailableError
from service_kit.settings import Environment, SettingsError
from service_kit.store_tls import StoreTls as StoreTlsSettings
from tests.app_images.services import redis_server
from tests.app_images.services.postgres_server import Encryption, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.app_images.services.postgres_server import PostgresServer
    from tests.app_images.services.redis_server import RedisServer
    from tests.built import Built

MIGRATIONS = files("user_service") / "migrations"
PATIENCE = 60.0
ASK = "SELECT ssl, usename::text FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE pid = pg_backend_pid()"
"""Whether the connection is encrypted, and who has logged in."""


class Trust(NamedTuple):
    """What a client is told of a server: how to verify it, with which authority, and its host name."""

    mode: str
    authority: str | None = None
    host: str = "localhost"

    @property
    def tls(self) -> StoreTls:
        ca = {"ca": {"secret": self.authority}} if self.authority else {}
        return StoreTls.model_validate({"mode": self.mode, **ca})


GOOD = [Trust("verify-full", "ours"), Trust("verify-ca", "ours", "127.0.0.1"), Trust("require", None, "127.0.0.1")]
BAD = {
    Trust("verify-full", "others"): "certificate verify failed",
    Trust("verify-ca", "others"): "certificate verify failed",
    Trust("verify-full", "ours", "127.0.0.1"): "does not match host name",
    Trust("verify-full"): "certificate verify failed",
    Trust("disable"): "no encryption",
}


class Pod:
    """The files of a pod, with a Secret ``login`` and one per authority."""

    def __init__(self, pki: Path, folder: Path) -> None:
        self.pki, self.folder = pki, folder

    def environment(self, variables: dict[str, Any], user: str, password: str) -> Environment:
        """The component's variables, with files of the test in place of the pod's."""
        (self.folder / "username").write_text(f"{user}\n")
        (self.folder / "password").write_text(f"{password}\n")
        authority = str(self.pki / f"{variables.pop('authority')}.crt")
        there = {
            "/etc/otel-mesh/secrets/login": str(self.folder),
            "/etc/otel-mesh/tls/database/ca/ca.crt": authority,
            "/etc/otel-mesh/tls/redis/ca/ca.crt": authority,
        }

        def placed(value: str) -> str:
            for path, here in there.items():
                value = value.replace(path, here)
            return value

        return Environment({name: placed(str(value)) for name, value in variables.items()})


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two authorities; the first has signed a server's certificate for ``localhost``."""
    folder = tmp_path_factory.mktemp("pki")
    leaf = authorities.Leaf("server", "ours", "a store", server=True, dns_names=("localhost",))
    authorities.ensure(folder, ("ours", "others"), [leaf])
    return folder


@pytest.fixture(scope="module")
def database_server(built: Built, pki: Path) -> Iterator[PostgresServer]:
    encryption = Encryption(built.debian("postgresql"), pki / "server.crt", pki / "server.key")
    with running(encryption) as server:
        yield server


@pytest.fixture(scope="module")
def cache_server(built: Built, pki: Path) -> Iterator[RedisServer]:
    certificate = (pki / "server.crt", pki / "server.key")
    with redis_server.running(built.debian("redis-server"), certificate=certificate) as server:
        yield server


@pytest.fixture
def pod(pki: Path, tmp_path: Path) -> Pod:
    return Pod(pki, tmp_path)


def database_settings(server: PostgresServer, pod: Pod, trust: Trust) -> DatabaseSettings:
    name = server.new_database("user_service")
    access = DatabaseAccess(host=trust.host, port=server.port, name=name, secret_name="login", tls=trust.tls)  # noqa: S106 - the Secret's name
    variables = {**database_environment(access, access), "authority": trust.authority}
    return DatabaseSettings.from_environment(pod.environment(variables, server.roles.services, server.password))


def cache_settings(server: RedisServer, pod: Pod, trust: Trust) -> CacheSettings:
    access = CacheAccess(host=trust.host, port=server.port, secret_name="login", tls=trust.tls)  # noqa: S106 - the Secret's name
    variables = {**cache_environment(access), "REDIS_TIMEOUT_SECONDS": "5", "authority": trust.authority}
    found = CacheSettings.from_environment(pod.environment(variables, server.user, server.password))
    assert found is not None
    return found


async def asked(settings: DatabaseSettings) -> tuple[Any, ...] | None:
    database = Database(settings, service="user-service", migrations=MIGRATIONS)
    await database.open()
    try:
        async with asyncio.timeout(PATIENCE):
            while True:
                with contextlib.suppress(UnavailableError):  # a busy machine has not connected yet
                    return await database.fetch_one(ASK, [])
    finally:
        await database.close()


@pytest.mark.parametrize("trust", GOOD, ids=lambda one: one.mode)
async def test_a_database_with_tls_and_a_login_out_of_one_secret(
    database_server: PostgresServer, pod: Pod, trust: Trust
) -> None:
    settings = database_settings(database_server, pod, trust)
    assert await asked(settings) == (True, database_server.roles.services)


@pytest.mark.parametrize("trust", BAD, ids=str)
async def test_a_database_that_cannot_be_trusted_gets_no_login(
    database_server: PostgresServer, pod: Pod, trust: Trust
) -> None:
    settings = database_settings(database_server, pod, trust)
    with pytest.raises(psycopg.OperationalError, match=BAD[trust]):
        await psycopg.AsyncConnection.connect(**settings.connection())


async def test_a_login_that_is_renewed_in_its_secret_is_used_at_the_next_connection(
    database_server: PostgresServer, pod: Pod
) -> None:
    settings = database_settings(database_server, pod, GOOD[0])
    (pod.folder / "username").write_text(database_server.roles.migrations)
    assert await asked(settings) == (True, database_server.roles.migrations)


@pytest.mark.parametrize("trust", GOOD, ids=lambda one: one.mode)
async def test_a_cache_with_tls_and_a_login_out_of_one_secret(
    cache_server: RedisServer, pod: Pod, trust: Trust
) -> None:
    cache = CacheStore(cache_settings(cache_server, pod, trust), keyspaces=("users",))
    try:
        await cache.write("users:1", b"a", 60)
        assert await cache.read("users:1") == b"a"
    finally:
        await cache.close()


@pytest.mark.parametrize("trust", BAD, ids=str)
async def test_a_cache_that_cannot_be_trusted_gets_no_login(cache_server: RedisServer, pod: Pod, trust: Trust) -> None:
    cache = CacheStore(cache_settings(cache_server, pod, trust), keyspaces=("users",))
    try:
        with pytest.raises(CacheUnavailableError):
            await cache.ping()
    finally:
        await cache.close()


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"X_TLS_MODE": "prefer"}, "X_TLS_MODE='prefer': unknown value; set one of disable, require, verify-ca"),
        ({"X_TLS_MODE": "verify-ca"}, "X_CA_FILE: not set, but X_TLS_MODE is verify-ca"),
        ({"X_TLS_MODE": "verify-full", "X_CA_FILE": "/no/such"}, "X_CA_FILE: /no/such: No such file"),
    ],
)
def test_settings_of_tls_that_are_wrong(variables: dict[str, str], told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        StoreTlsSettings.from_environment(Environment(variables), "X")
