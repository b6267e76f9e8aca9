"""The Kubernetes objects of a service."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

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
from otel_mesh.k8s.passwords import password_volume
from otel_mesh.k8s.pod_security import DEFAULT_UID
from otel_mesh.k8s.render import render_versions
from otel_mesh.k8s.workload import CronJobShape, DeploymentShape, JobShape, Workload
from otel_mesh.services.store_access import cache_environment, database_environment, store_tls_volumes
from otel_mesh.services.telemetry_environment import TelemetryEnvironment

if TYPE_CHECKING:
    from collections.abc import Collection

    import pulumi

    from otel_mesh.k8s.autoscaling import Autoscaling
    from otel_mesh.k8s.environment import Variable
    from otel_mesh.k8s.manifests import Manifest
    from otel_mesh.k8s.pod_types import Lifecycle
    from otel_mesh.k8s.resources import Resources
    from otel_mesh.k8s.workload import Shape
    from otel_mesh.services.microservice_settings import MicroserviceArgs, MicroserviceSettings
    from otel_mesh.services.ordinary_workload import FurtherContainer


@dataclass(frozen=True, kw_only=True)
class _Version:
    """One version of a service: its Deployment, and what its pods run."""

    name: str | None
    label: str
    image: pulumi.Input[str]
    replicas: int
    resources: Resources
    env: dict[str, pulumi.Input[str] | Variable]
    autoscaling: Autoscaling | None = None


def _versions(args: MicroserviceArgs, settings: MicroserviceSettings) -> list[_Version]:
    """The service's own version first."""
    service = settings.service
    first = _Version(
        name=None,
        label=service.version,
        image=args.image,
        replicas=settings.replicas if settings.autoscaling is None else settings.autoscaling.min,
        resources=settings.resources,
        env={**args.variables, **settings.env},
        autoscaling=settings.autoscaling,
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
                autoscaling=settings.autoscaling if one.replicas is None else None,
            )
            for name, one in service.versions.items()
        ),
    ]


def _environment(
    args: MicroserviceArgs, settings: MicroserviceSettings, version: _Version
) -> dict[str, pulumi.Input[str]]:
    """The variables that the component sets, which differ between versions in the telemetry's resource only."""
    service, own_ratio = settings.service, settings.sampling_ratio
    values: dict[str, pulumi.Input[str]] = {
        "PORT": str(service.port),
        "PROTOCOL": service.protocol,
        "LOG_LEVEL": settings.log_level,
    }
    if args.otlp_endpoint is not None:
        values |= TelemetryEnvironment(
            service=service.name,
            version=version.label,
            workload=deployment_name(service.name, version.name),
            service_namespace=settings.service_namespace,
            environment=settings.environment,
            otlp_endpoint=args.otlp_endpoint,
            metric_interval_ms=settings.metric_interval_ms,
            mesh=args.mesh,
            sampling_ratio=service.sampling_ratio if own_ratio is None else own_ratio,
        ).variables()
    values |= args.callees
    if args.mesh.peer_identity:
        values["OTEL_MESH_PEER_IDENTITY"] = args.mesh.peer_identity
    if settings.service.exposed and args.mesh.gateway is None:
        values["OTEL_MESH_OUTSIDE_CONTEXT"] = settings.outside_context
    if args.database is not None:
        values |= database_environment(args.database, args.database)
    if args.cache is not None:
        values |= cache_environment(args.cache)
    return values


def _require_untaken(args: MicroserviceArgs, settings: MicroserviceSettings, own: Collection[str]) -> None:
    """Rejects variables that the component sets itself."""
    problems = [
        Problem(join_path("variables", one), "is set by the component", "remove it")
        for one in sorted({*own, *POD_FIELDS} & args.variables.keys())
    ]
    problems += [
        Problem(join_path("env", one), "is also among the arguments' variables", "remove one")
        for one in sorted(args.variables.keys() & settings.env.keys())
    ]
    problems += [
        Problem(join_path("version_images", one), "is not a version of the service", "add it to the versions")
        for one in sorted(args.version_images.keys() - settings.service.versions.keys())
    ]
    if problems:
        raise InvalidSettingsError(problems)


def _probes(settings: MicroserviceSettings) -> Probes | None:
    service = settings.service
    if settings.health is not None:
        return settings.health.probes(service.port)
    if service.protocol == "grpc":
        # Istio's sidecar can answer both gRPC and HTTP probes in place of the kubelet
        return Probes(live=grpc_check("liveness", service.port), ready=grpc_check("readiness", service.port))
    return Probes(live=http_check("/livez", service.protocol), ready=http_check("/readyz", service.protocol))


def _container(args: MicroserviceArgs, settings: MicroserviceSettings, version: _Version) -> Container:
    service = settings.service
    stores = {"database": args.database, "cache": args.cache}
    passwords = (password_volume(name, one.secret_name) for name, one in stores.items() if one is not None)
    certificates = (volume for one in stores.values() for volume in store_tls_volumes(one))
    return Container(
        name=service.name,
        image=version.image,
        pod_fields=POD_FIELDS,
        env={**_environment(args, settings, version), **version.env},
        command=settings.command,
        args=settings.args,
        ports=() if settings.run else _ports(settings),
        probes=None if settings.run else _probes(settings),
        lifecycle=_lifecycle(settings),
        resources=version.resources,
        volumes=(temporary_files(), *passwords, *certificates, *(one.on(settings.volumes) for one in settings.mounts)),
    )


def _ports(settings: MicroserviceSettings) -> tuple[ContainerPort, ...]:
    service = settings.service
    own = ContainerPort(name=service.protocol, number=service.port, protocol=service.protocol)
    return (own, *(one.port() for one in settings.ports))


def _lifecycle(settings: MicroserviceSettings) -> Lifecycle:
    if settings.pre_stop:
        return {"preStop": {"exec": {"command": list(settings.pre_stop)}}}
    if settings.pre_stop_seconds is not None:
        return {"preStop": {"sleep": {"seconds": settings.pre_stop_seconds}}}
    return {}


def _shape(settings: MicroserviceSettings, version: _Version) -> Shape:
    run = settings.run
    if run is None:
        return DeploymentShape(
            replicas=version.replicas,
            disruption_budget=True,
            unhealthy_pod_eviction=settings.unhealthy_pod_eviction,
            autoscaling=version.autoscaling,
        )
    job = JobShape(deadline_seconds=run.deadline_seconds, retries=run.retries)
    if run.schedule is None:
        return job
    return CronJobShape(schedule=run.schedule, time_zone=run.time_zone, concurrency=run.concurrency, job=job)


def _migration(args: MicroserviceArgs, settings: MicroserviceSettings, version: _Version) -> tuple[Container, ...]:
    """The init container that migrates the database, if there is a role for it."""
    database = args.database
    if database is None or database.migrations is None:
        return ()
    login = database.migrations
    volumes: tuple[Volume, ...] = (
        temporary_files(),
        password_volume("migrations", login.secret_name),
        *store_tls_volumes(database),
    )
    return (
        Container(
            name="migrate",
            image=version.image,
            args=("migrate",),
            env={
                "LOG_LEVEL": settings.log_level,
                "OTEL_SERVICE_NAME": settings.service.name,
                **database_environment(database, login),
            },
            resources=version.resources,
            volumes=volumes,
        ),
    )


def _workload(args: MicroserviceArgs, settings: MicroserviceSettings, version: _Version) -> Workload:
    service = settings.service

    def further(containers: tuple[FurtherContainer, ...]) -> tuple[Container, ...]:
        return tuple(one.container(version.image, settings.volumes) for one in containers)

    return Workload(
        name=deployment_name(service.name, version.name),
        namespace=args.namespace,
        program=service.name,
        role=Role.SERVICE,
        version=version.label,
        service_account=service.name,
        service_selector=all_versions(service.name) if service.versions else None,
        containers=(_container(args, settings, version), *further(settings.sidecars)),
        init_containers=(*_migration(args, settings, version), *further(settings.init_containers)),
        shape=_shape(settings, version),
        scheduling=settings.scheduling,
        uid=settings.uid or DEFAULT_UID,
        gid=settings.gid,
        grace_seconds=settings.grace_seconds,
        host_aliases={str(address): names for address, names in settings.host_aliases.items()},
        account_labels=settings.account.labels,
        account_annotations=settings.account.annotations,
        pod_labels={
            Label.APP.value: service.name,
            Label.SERVICE_VERSION.value: version.label,
            **args.mesh.pod_labels,
            **settings.pod_labels,
        },
        pod_annotations={**args.mesh.pod_annotations, **settings.pod_annotations},
        app_protocols=args.mesh.app_protocols,
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


def scaled_fields(settings: MicroserviceSettings) -> dict[str, list[str]]:
    """The fields that an autoscaler sets, by the name of the Deployment: an update leaves them alone."""
    if settings.autoscaling is None:
        return {}
    service = settings.service
    scaled = [None, *(name for name, one in service.versions.items() if one.replicas is None)]
    return {deployment_name(service.name, one): ["spec.replicas"] for one in scaled}
