"""The Kubernetes objects of a service."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from otel_mesh.catalog.versions import all_versions, deployment_name
from otel_mesh.core.errors import InvalidSettingsError, Problem, join_path
from otel_mesh.core.labels import Label, Role
from otel_mesh.k8s.containers import (
    POD_FIELDS,
    Container,
    ContainerPort,
    Probes,
    Volume,
    grpc_check,
    http_check,
    temporary_files,
)
from otel_mesh.k8s.passwords import password_file, password_volume
from otel_mesh.k8s.render import render_versions
from otel_mesh.k8s.workload import DeploymentShape, Workload
from otel_mesh.services.telemetry_environment import TelemetryEnvironment

if TYPE_CHECKING:
    import pulumi

    from otel_mesh.catalog.model import Service
    from otel_mesh.k8s.environment import Variable
    from otel_mesh.k8s.manifests import Manifest
    from otel_mesh.k8s.resources import Resources
    from otel_mesh.services.microservice_settings import MicroserviceArgs, MicroserviceSettings
    from otel_mesh.services.store_access import DatabaseAccess, DatabaseLogin


@dataclass(frozen=True, kw_only=True)
class _Version:
    """One version of a service: its Deployment, and what its pods run."""

    name: str | None
    label: str
    image: pulumi.Input[str]
    replicas: int
    resources: Resources
    env: dict[str, pulumi.Input[str] | Variable]


def _versions(args: MicroserviceArgs, settings: MicroserviceSettings) -> list[_Version]:
    """The service's own version first."""
    service = settings.service
    first = _Version(
        name=None,
        label=service.version,
        image=args.image,
        replicas=settings.replicas,
        resources=settings.resources,
        env={**args.variables},
    )
    return [
        first,
        *(
            _Version(
                name=name,
                label=name,
                image=args.version_images.get(name) or one.image or args.image,
                replicas=one.replicas or first.replicas,
                resources=one.resources or first.resources,
                env={**first.env, **one.env},
            )
            for name, one in service.versions.items()
        ),
    ]


def _environment(args: MicroserviceArgs, settings: MicroserviceSettings, version: _Version) -> dict[str, Any]:
    """The variables that the component sets, which differ between versions in the telemetry's resource only."""
    service, own_ratio = settings.service, settings.sampling_ratio
    telemetry = TelemetryEnvironment(
        service=service.name,
        version=version.label,
        workload=deployment_name(service.name, version.name),
        service_namespace=settings.service_namespace,
        environment=settings.environment,
        otlp_endpoint=args.otlp_endpoint,
        metric_interval_ms=settings.metric_interval_ms,
        mesh=args.mesh,
        sampling_ratio=service.sampling_ratio if own_ratio is None else own_ratio,
    )
    values: dict[str, Any] = {
        "PORT": str(service.port),
        "PROTOCOL": service.protocol,
        "LOG_LEVEL": settings.log_level,
        **telemetry.variables(),
        **args.callees,
    }
    if args.mesh.peer_identity:
        values["OTEL_MESH_PEER_IDENTITY"] = args.mesh.peer_identity
    if settings.service.exposed and args.mesh.gateway is None:
        values["OTEL_MESH_OUTSIDE_CONTEXT"] = settings.outside_context
    if args.database is not None:
        values |= _database(args.database, args.database)
    if args.cache is not None:
        values |= {
            "REDIS_HOST": args.cache.host,
            "REDIS_PORT": str(args.cache.port),
            "REDIS_USER": args.cache.user,
            "REDIS_PASSWORD_FILE": password_file(args.cache.secret_name),
        }
    return values


def _require_untaken(args: MicroserviceArgs, settings: MicroserviceSettings, own: dict[str, Any]) -> None:
    """Rejects variables that the component sets itself."""
    problems = [
        Problem(join_path("variables", one), "is set by the component", "remove it")
        for one in sorted({*own, *POD_FIELDS} & args.variables.keys())
    ]
    problems += [
        Problem(join_path("version_images", one), "is not a version of the service", "add it to the versions")
        for one in sorted(args.version_images.keys() - settings.service.versions.keys())
    ]
    if problems:
        raise InvalidSettingsError(problems)


def _database(database: DatabaseAccess, login: DatabaseAccess | DatabaseLogin) -> dict[str, Any]:
    return {
        "DATABASE_HOST": database.host,
        "DATABASE_PORT": str(database.port),
        "DATABASE_NAME": database.name,
        "DATABASE_USER": login.user,
        "DATABASE_PASSWORD_FILE": password_file(login.secret_name),
    }


def _probes(service: Service) -> Probes:
    if service.protocol == "grpc":
        # Istio's sidecar can answer both gRPC and HTTP probes in place of the kubelet
        return Probes(live=grpc_check("liveness", service.port), ready=grpc_check("readiness", service.port))
    return Probes(live=http_check("/livez", service.protocol), ready=http_check("/readyz", service.protocol))


def _container(args: MicroserviceArgs, settings: MicroserviceSettings, version: _Version) -> Container:
    service = settings.service
    stores = {"database": args.database, "cache": args.cache}
    passwords = (password_volume(name, one.secret_name) for name, one in stores.items() if one is not None)
    return Container(
        name=service.name,
        image=version.image,
        pod_fields=POD_FIELDS,
        env={**_environment(args, settings, version), **version.env},
        ports=(ContainerPort(name=service.protocol, number=service.port, protocol=service.protocol),),
        probes=_probes(service),
        resources=version.resources,
        volumes=(temporary_files(), *passwords),
    )


def _migration(args: MicroserviceArgs, settings: MicroserviceSettings, version: _Version) -> tuple[Container, ...]:
    """The init container that migrates the database, if there is a role for it."""
    database = args.database
    if database is None or database.migrations is None:
        return ()
    login = database.migrations
    volumes: tuple[Volume, ...] = (temporary_files(), password_volume("migrations", login.secret_name))
    return (
        Container(
            name="migrate",
            image=version.image,
            args=("migrate",),
            env={
                "LOG_LEVEL": settings.log_level,
                "OTEL_SERVICE_NAME": settings.service.name,
                **_database(database, login),
            },
            resources=version.resources,
            volumes=volumes,
        ),
    )


def _workload(args: MicroserviceArgs, settings: MicroserviceSettings, version: _Version) -> Workload:
    service = settings.service
    return Workload(
        name=deployment_name(service.name, version.name),
        namespace=args.namespace,
        program=service.name,
        role=Role.SERVICE,
        version=version.label,
        service_account=service.name,
        service_selector=all_versions(service.name) if service.versions else None,
        containers=(_container(args, settings, version),),
        init_containers=_migration(args, settings, version),
        shape=DeploymentShape(replicas=version.replicas, disruption_budget=True),
        scheduling=settings.scheduling,
        pod_labels={
            Label.APP.value: service.name,
            Label.SERVICE_VERSION.value: version.label,
            **args.mesh.pod_labels,
        },
        pod_annotations=args.mesh.pod_annotations,
    )


def microservice_manifests(args: MicroserviceArgs, settings: MicroserviceSettings) -> list[Manifest]:
    """All objects of a service, dependencies first.

    Raises:
        InvalidSettingsError: A variable has two values, or an image no version.
    """
    versions = _versions(args, settings)
    _require_untaken(args, settings, _environment(args, settings, versions[0]))
    first, *further = (_workload(args, settings, one) for one in versions)
    return render_versions(first, further)
