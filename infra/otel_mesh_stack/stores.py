"""The stores of a stack's services: each is a component of the stack, or an address outside by the same setting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

import pulumi
from pydantic import BeforeValidator, Field

from otel_mesh import (
    Addresses,
    CacheAccess,
    DatabaseAccess,
    DatabaseLogin,
    DatabaseRoles,
    MeshHost,
    OutsidePostgres,
    OutsideRedis,
    OwnOr,
    Pods,
    Postgres,
    PostgresArgs,
    PostgresBackup,
    PostgresBackupArgs,
    PostgresSettings,
    Problem,
    Redis,
    RedisArgs,
    RedisSettings,
    SqlName,
    UserName,
    service_host,
    service_pods,
    tcp,
    with_outside_stores,
    workload_pods,
)
from otel_mesh_stack.services import CATALOG, POSTGRES, REDIS, database_of, databases

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from otel_mesh import BackupStore, Catalog, Connection, ExternalCall, OutsideStore
    from otel_mesh_stack.mesh import Mesh
    from otel_mesh_stack.model import StackSettings
    from otel_mesh_stack.settings import Stack

    _DatabaseAccessOf = Callable[[str], DatabaseAccess]


class ShopRoles(DatabaseRoles):
    """The roles of the shop's databases.

    Attributes:
        migrations: Role that owns the databases and changes their schema.
        services: Role that reads and writes rows.
    """

    migrations: SqlName = "shop_migrations"
    services: SqlName = "shop_services"


class ShopPostgres(PostgresSettings):
    """PostgreSQL of a stack.

    Attributes:
        user: Role of the server itself, which may do everything.
        databases: Databases besides those of the services.
        roles: Roles of the databases; by default those of `ShopRoles`.
    """

    user: SqlName = "shop"
    databases: tuple[SqlName, ...] = Field(default=("shop",), min_length=1)
    roles: ShopRoles | None = None

    @property
    def shop_roles(self) -> DatabaseRoles:
        """The database roles for migrations and services."""
        return self.roles or ShopRoles()


class ShopRedis(RedisSettings):
    """Redis of a stack.

    Attributes:
        user: User that clients log in as.
    """

    user: UserName = "shop"


Database: TypeAlias = Annotated[
    ShopPostgres | OutsidePostgres, BeforeValidator(OwnOr(ShopPostgres, OutsidePostgres, "PostgreSQL", marker="host"))
]
Cache: TypeAlias = Annotated[
    ShopRedis | OutsideRedis, BeforeValidator(OwnOr(ShopRedis, OutsideRedis, "Redis", marker="host"))
]

_PROGRAMS: Final = {"postgres": "PostgreSQL", "redis": "Redis"}
"""Program of each store, by setting."""


def outside(settings: StackSettings) -> dict[str, OutsideStore]:
    """The stores outside the stack, by their name in the catalog."""
    stores = {POSTGRES: settings.postgres, REDIS: settings.redis}
    return {name: one for name, one in stores.items() if isinstance(one, OutsidePostgres | OutsideRedis)}


def placed(settings: StackSettings) -> Catalog:
    """The catalog with the stores that run elsewhere as hosts outside."""
    away = outside(settings)
    return with_outside_stores(CATALOG, {name: None if one.in_cluster else one.call() for name, one in away.items()})


def located(settings: StackSettings) -> Catalog:
    """The catalog with the host names of the stores that run elsewhere."""
    away = outside(settings)
    stores = (
        one.model_copy(update={"host": away[one.name].host}) if one.name in away else one for one in CATALOG.stores
    )
    return CATALOG.model_copy(update={"stores": tuple(stores)})


def backup_store(settings: StackSettings) -> BackupStore | None:
    """The object store of the backups; None for backups without one, or none at all."""
    return settings.postgres_backup.store if settings.postgres_backup is not None else None


def calls_of_backups(settings: StackSettings) -> dict[str, tuple[ExternalCall, ...]]:
    """Hosts outside the cluster that the pods of the backups call, by workload."""
    own, store = settings.postgres_backup, backup_store(settings)
    return {own.name: calls} if own is not None and store is not None and (calls := store.calls()) else {}


def hosts_of_neighbours(settings: StackSettings) -> dict[str, list[MeshHost]]:
    """The stores that are Services of other namespaces, by the workload that uses them."""
    found: dict[str, list[MeshHost]] = {}
    for service, store in _used_in_cluster(settings):
        host = MeshHost(service=store.host.split(".")[0], namespace=store.namespace)
        found.setdefault(service, []).append(host)
    copies = backup_store(settings)
    if settings.postgres_backup is not None and copies is not None and copies.service is not None:
        found[settings.postgres_backup.name] = [copies.service]
    return found


def connections(settings: StackSettings) -> Iterator[Connection]:
    """From backups to the database, and to stores in other namespaces, which alone know their pods' ports."""
    place = settings.namespaces.services
    for service, store in _used_in_cluster(settings):
        yield tcp(service_pods(place, service), Pods(namespace=store.namespace))
    if settings.postgres_backup is not None:
        backup, database = settings.postgres_backup.name, CATALOG.store(POSTGRES)
        yield tcp(workload_pods(place, backup), workload_pods(place, database.name), database.port)
        for call in calls_of_backups(settings).get(backup, ()):
            yield tcp(workload_pods(place, backup), Addresses(cidrs=call.addresses), call.target_port)
        if (copies := backup_store(settings)) is not None and copies.service is not None:
            yield tcp(workload_pods(place, backup), Pods(namespace=copies.service.namespace))


def _used_in_cluster(settings: StackSettings) -> Iterator[tuple[str, OutsideStore]]:
    away = outside(settings)
    for service in CATALOG.services:
        for name in service.stores:
            if name in away and away[name].in_cluster:
                yield service.name, away[name]


def problems(settings: StackSettings) -> Iterator[Problem]:
    """Contradictions between the stores and other settings."""
    if settings.mesh.installed:
        yield from _mesh_problems(settings)
    for store, program in _PROGRAMS.items():
        key, own = f"{store}_password_file", getattr(settings, store)
        file = getattr(settings, key)
        if isinstance(own, OutsidePostgres | OutsideRedis):
            if file is not None:
                yield Problem(key, f"has no effect on a {program} outside, whose login is in a Secret", "remove it")
        elif (file is None) == (own.existing_secret is None):
            given = "neither is" if file is None else "both are"
            yield Problem(key, f"{program}'s password: {given} given", f"set either {key} or {store}.existing_secret")
    database = settings.postgres
    if isinstance(database, OutsidePostgres):
        if settings.postgres_backup is not None:
            reason = "backs up the stack's own PostgreSQL, which 'postgres.host' replaces"
            yield Problem("postgres_backup", reason, "remove it, and let whoever runs that server back it up")
    elif database.roles is None and database.user in dict(database.shop_roles).values():
        reason = f"'{database.user}' is also the name of a restricted role"
        yield Problem("postgres.user", reason, "give it another name, or set postgres.roles")


def _mesh_problems(settings: StackSettings) -> Iterator[Problem]:
    """Problems of addresses for callers whose proxies refuse undeclared hosts."""
    for store, one in outside(settings).items():
        yield from (problem.below(store) for problem in one.mesh_problems())
    if not settings.mesh.needs_outside_addresses:
        return
    reason = "required in this mesh, which tells encrypted connections apart by their addresses"
    remedy = "list the server's address ranges"
    for store, one in outside(settings).items():
        if not one.in_cluster and one.protocol == "tls" and not one.addresses:
            yield Problem(f"{store}.addresses", reason, remedy)
    if (copies := backup_store(settings)) is not None:
        if not copies.in_cluster and not copies.addresses:
            yield Problem("postgres_backup.store.addresses", reason, remedy)
        for number, call in enumerate(copies.identity_calls):
            if not call.addresses:
                yield Problem(f"postgres_backup.store.identity_calls[{number}].addresses", reason, remedy)


def database(
    stack: Stack, namespace: pulumi.Output[str], mesh: Mesh
) -> tuple[_DatabaseAccessOf, Sequence[pulumi.Resource]]:
    """Declares the database server with its backups, if it is the stack's own.

    Returns:
        Each service's access, and the server.
    """
    own = stack.settings.postgres
    if isinstance(own, OutsidePostgres):
        return lambda service: own.access(database_of(service)), ()
    further = own.databases if "databases" in own.model_fields_set else ()
    roles = own.shop_roles
    settings = own.model_copy(update={"databases": tuple(dict.fromkeys((*databases(), *further))), "roles": roles})
    args = PostgresArgs(
        namespace=namespace,
        password=stack.postgres_password,
        migrations_password=stack.migrations_password,
        services_password=stack.services_password,
        settings=settings,
        mesh=mesh.binding,
    )
    server = Postgres(POSTGRES, args, mesh.opts)
    port = CATALOG.store(POSTGRES).port
    login = DatabaseLogin(user=roles.migrations, secret_name=own.migrations_secret_name)
    _backup(stack, namespace, server.host_name, login, mesh)

    def access(service: str) -> DatabaseAccess:
        return DatabaseAccess(
            host=server.host_name,
            port=port,
            name=database_of(service),
            user=roles.services,
            secret_name=own.services_secret_name,
            migrations=login,
        )

    return access, (server,)


def _backup(
    stack: Stack, namespace: pulumi.Output[str], host: pulumi.Output[str], login: DatabaseLogin, mesh: Mesh
) -> None:
    """Declares the backups, if the stack has any, by the role that owns the databases."""
    own, settings = stack.settings.postgres_backup, stack.settings
    if own is None or login.user is None:
        return
    args = PostgresBackupArgs(
        namespace=namespace,
        host=host,
        port=CATALOG.store(POSTGRES).port,
        user=login.user,
        database=databases()[0],
        secret_name=login.secret_name,
        otlp_host=service_host(settings.collector.name, settings.namespaces.observability),
        settings=own,
        mesh=mesh.binding,
    )
    PostgresBackup("postgres-backup", args, mesh.opts)


def cache(
    stack: Stack, namespace: pulumi.Output[str], mesh: Mesh, database_server: Sequence[pulumi.Resource]
) -> CacheAccess:
    """Declares the cache, if it is the stack's own; returns the access to it.

    An update that replaces the pods of both stores first waits for the database: services stay ready as long as they
    have one of the two.
    """
    own = stack.settings.redis
    if isinstance(own, OutsideRedis):
        return own.access()
    args = RedisArgs(namespace=namespace, password=stack.redis_password, settings=own, mesh=mesh.binding)
    after = pulumi.ResourceOptions(depends_on=list(database_server))
    server = Redis(REDIS, args, pulumi.ResourceOptions.merge(mesh.opts, after))
    port = CATALOG.store(REDIS).port
    return CacheAccess(host=server.host_name, port=port, user=own.user, secret_name=own.secret_name)
