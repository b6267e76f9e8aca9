"""The stores, services and load generator of a stack."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from otel_mesh import (
    CacheAccess,
    DatabaseAccess,
    DatabaseLogin,
    Microservice,
    MicroserviceArgs,
    MicroserviceSettings,
    Postgres,
    PostgresArgs,
    PostgresBackup,
    PostgresBackupArgs,
    Redis,
    RedisArgs,
    callee_environment,
    service_host,
)
from otel_mesh_stack.load_generator import LoadGenerator, LoadGeneratorArgs, LoadGeneratorSettings
from otel_mesh_stack.services import CATALOG, POSTGRES, REDIS, database_of, databases
from otel_mesh_stack.variables import variables_of
from otel_mesh_stack.versions import with_versions

if TYPE_CHECKING:
    import pulumi

    from otel_mesh import Service
    from otel_mesh_stack.mesh import Mesh
    from otel_mesh_stack.model import LoadSettings, StackSettings
    from otel_mesh_stack.settings import Stack

_NOT_OF_THE_WORKLOAD: Final = frozenset({"image", "callers", "traffic", "versions"})
"""Settings of a service that its pods do not depend on, or that are given by another argument."""


def services(
    stack: Stack, namespace: pulumi.Output[str], otlp_endpoint: pulumi.Output[str], mesh: Mesh
) -> dict[str, Microservice]:
    """Declares the stores and the services of the catalog; returns the services by name."""
    database = _database(stack, namespace, mesh)
    _backup(stack, namespace, database, mesh)
    cache = _cache(stack, namespace, mesh)
    service_args = partial(MicroserviceArgs, namespace=namespace, otlp_endpoint=otlp_endpoint, mesh=mesh.binding)
    made: dict[str, Microservice] = {}
    for service in CATALOG.services:
        args = service_args(
            image=stack.service_images[service.name],
            settings=_service_settings(stack.settings, service),
            callees={**callee_environment(CATALOG, service.name, stack.settings.namespaces.services)},
            database=_database_access(stack.settings, database, service),
            cache=_cache_access(stack.settings, cache, service),
            variables=variables_of(stack.settings, service.name),
        )
        made[service.name] = Microservice(service.name, args, mesh.opts)
    return made


def _database(stack: Stack, namespace: pulumi.Output[str], mesh: Mesh) -> Postgres:
    own = stack.settings.postgres
    further = own.databases if "databases" in own.model_fields_set else ()
    settings = own.model_copy(
        update={"databases": tuple(dict.fromkeys((*databases(), *further))), "roles": stack.settings.roles}
    )
    args = PostgresArgs(
        namespace=namespace,
        password=stack.postgres_password,
        migrations_password=stack.migrations_password,
        services_password=stack.services_password,
        settings=settings,
        mesh=mesh.binding,
    )
    return Postgres(POSTGRES, args, mesh.opts)


def _backup(stack: Stack, namespace: pulumi.Output[str], database: Postgres, mesh: Mesh) -> None:
    """Declares the backups, if the stack has any, by the role that owns the databases."""
    own, settings = stack.settings.postgres_backup, stack.settings
    if own is None:
        return
    args = PostgresBackupArgs(
        namespace=namespace,
        host=database.host_name,
        port=CATALOG.store(POSTGRES).port,
        user=settings.roles.migrations,
        database=databases()[0],
        secret_name=settings.postgres.migrations_secret_name,
        otlp_host=service_host(settings.collector.name, settings.namespaces.observability),
        settings=own,
        mesh=mesh.binding,
    )
    PostgresBackup("postgres-backup", args, mesh.opts)


def _database_access(settings: StackSettings, database: Postgres, service: Service) -> DatabaseAccess | None:
    if POSTGRES not in service.stores:
        return None
    return DatabaseAccess(
        host=database.host_name,
        port=CATALOG.store(POSTGRES).port,
        name=database_of(service.name),
        user=settings.roles.services,
        secret_name=settings.postgres.services_secret_name,
        migrations=DatabaseLogin(user=settings.roles.migrations, secret_name=settings.postgres.migrations_secret_name),
    )


def _cache(stack: Stack, namespace: pulumi.Output[str], mesh: Mesh) -> Redis:
    args = RedisArgs(
        namespace=namespace, password=stack.redis_password, settings=stack.settings.redis, mesh=mesh.binding
    )
    return Redis(REDIS, args, mesh.opts)


def _cache_access(settings: StackSettings, cache: Redis, service: Service) -> CacheAccess | None:
    if REDIS not in service.stores:
        return None
    return CacheAccess(
        host=cache.host_name,
        port=CATALOG.store(REDIS).port,
        user=settings.redis.user,
        secret_name=settings.redis.secret_name,
    )


def load(stack: Stack, own: LoadSettings, opts: pulumi.ResourceOptions, **inputs: Any) -> None:  # noqa: ANN401 - of several kinds
    """Declares the load generator, which starts when the services are ready."""
    plain = {name: getattr(own, name) for name in own.model_fields_set - {"image"}}
    args = LoadGeneratorArgs(
        image=own.image or "",
        service_namespace=CATALOG.name,
        environment=stack.settings.environment,
        settings=LoadGeneratorSettings(**plain),
        **inputs,
    )
    LoadGenerator("load-generator", args, opts)


def _service_settings(settings: StackSettings, service: Service) -> MicroserviceSettings:
    own = settings.services[service.name]
    return MicroserviceSettings(
        service=with_versions(service, own.versions),
        service_namespace=CATALOG.name,
        environment=settings.environment,
        **{name: getattr(own, name) for name in own.model_fields_set - _NOT_OF_THE_WORKLOAD},
    )
