"""A service of the catalog: Deployment, Service and ServiceAccount.

Contract of the container image:

- It listens on PORT and speaks PROTOCOL: ``http`` with GET /livez and /readyz, or ``grpc`` with the services
  ``liveness`` and ``readiness`` of ``grpc.health.v1``.
- It runs with any UID, a read-only root file system and a writable /tmp.
- It serves requests for some seconds after SIGTERM, since a terminating pod gets requests until every node knows.
- With the argument ``migrate`` it migrates its database and exits; several pods may do so at the same time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import pulumi
from pydantic import Field, model_validator

from otel_mesh.catalog.derivations import URL_PREFIX
from otel_mesh.catalog.model import Service  # noqa: TC001 - pydantic reads it at run time
from otel_mesh.core.errors import InvalidSettingsError, Problem, join_path, parse
from otel_mesh.core.labels import Label, Role
from otel_mesh.core.values import DnsLabel, Environment, LogLevel, Ratio, Replicas, Settings
from otel_mesh.k8s.component import Component
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
from otel_mesh.k8s.render import render
from otel_mesh.k8s.resources import Resources
from otel_mesh.k8s.scheduling import Scheduling
from otel_mesh.k8s.workload import DeploymentShape, Workload
from otel_mesh.mesh.binding import MeshBinding, NoMesh
from otel_mesh.services.store_access import CacheAccess, DatabaseAccess, DatabaseLogin  # noqa: TC001 - a component plugin reads them at run time
from otel_mesh.services.telemetry_environment import TelemetryEnvironment

if TYPE_CHECKING:
    from typing import Self

    from otel_mesh.k8s.manifests import Manifest

OutsideContext = Literal["continue", "link", "restart"]


class ServiceRuntime(Settings):
    """Settings of how a service runs, common to all services.

    Attributes:
        replicas: Number of pods.
        resources: Resource requests and limits of each container.
        scheduling: Placement of the pods.
        log_level: Lowest severity of the log records that are written.
        metric_interval_ms: Export interval of metrics in milliseconds.
        sampling_ratio: Share of the traces starting at the service that are sampled; None for the catalog's.
        outside_context: How an exposed service treats the trace context, baggage and ``x-ab-group`` of its callers:
            ``continue`` accepts them, ``link`` starts a trace that is linked to the caller's, ``restart`` drops them.
            Without effect if the mesh has a gateway, which decides instead.
    """

    replicas: Replicas = 2
    resources: Resources = Resources(cpu="50m", memory="96Mi", memory_limit="256Mi")
    scheduling: Scheduling = Scheduling()
    log_level: LogLevel = "INFO"
    metric_interval_ms: int = Field(default=60_000, ge=1000, le=600_000)
    sampling_ratio: Ratio | None = None
    outside_context: OutsideContext = "restart"


class MicroserviceSettings(ServiceRuntime):
    """Settings of a `Microservice`, besides those of `ServiceRuntime`.

    Attributes:
        service: The service's entry in the catalog.
        service_namespace: Name of the platform, ``service.namespace``.
        environment: ``deployment.environment.name``.
    """

    service: Service
    service_namespace: DnsLabel
    environment: Environment

    @model_validator(mode="after")
    def _drained_in_parts(self) -> Self:
        self.scheduling.require_drainable(self.replicas)
        return self


@dataclass(frozen=True, kw_only=True)
class MicroserviceArgs:
    """Arguments of a `Microservice`.

    Attributes:
        namespace: Namespace of the Kubernetes objects.
        image: Container image.
        otlp_endpoint: URL of the Collector's OTLP receiver (gRPC).
        settings: Settings, or a mapping of their fields.
        callees: Addresses of the called services, by environment variable.
        database: Access to the service's database; None without one.
        cache: Access to the service's cache; None without one.
        mesh: Mesh that the service joins.
        variables: Further environment variables, such as feature switches.
    """

    namespace: pulumi.Input[str]
    image: pulumi.Input[str]
    otlp_endpoint: pulumi.Input[str]
    settings: MicroserviceSettings
    callees: dict[str, pulumi.Input[str]] = field(default_factory=dict)
    database: DatabaseAccess | None = None
    cache: CacheAccess | None = None
    mesh: MeshBinding = field(default_factory=NoMesh)
    variables: dict[str, pulumi.Input[str]] = field(default_factory=dict)


def _environment(args: MicroserviceArgs, settings: MicroserviceSettings) -> dict[str, Any]:
    service, own_ratio = settings.service, settings.sampling_ratio
    telemetry = TelemetryEnvironment(
        service=service.name,
        version=service.version,
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
    taken = sorted({*values, *POD_FIELDS} & args.variables.keys())
    if taken:
        raise InvalidSettingsError(
            [Problem(join_path("variables", one), "is set by the component", "remove it") for one in taken]
        )
    return {**values, **args.variables}


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


def _container(args: MicroserviceArgs, settings: MicroserviceSettings) -> Container:
    service = settings.service
    stores = {"database": args.database, "cache": args.cache}
    passwords = (password_volume(name, one.secret_name) for name, one in stores.items() if one is not None)
    return Container(
        name=service.name,
        image=args.image,
        pod_fields=POD_FIELDS,
        env=_environment(args, settings),
        ports=(ContainerPort(name=service.protocol, number=service.port, protocol=service.protocol),),
        probes=_probes(service),
        resources=settings.resources,
        volumes=(temporary_files(), *passwords),
    )


def _migration(args: MicroserviceArgs, settings: MicroserviceSettings) -> tuple[Container, ...]:
    """The init container that migrates the database, if there is a role for it."""
    database = args.database
    if database is None or database.migrations is None:
        return ()
    login = database.migrations
    volumes: tuple[Volume, ...] = (temporary_files(), password_volume("migrations", login.secret_name))
    return (
        Container(
            name="migrate",
            image=args.image,
            args=("migrate",),
            env={
                "LOG_LEVEL": settings.log_level,
                "OTEL_SERVICE_NAME": settings.service.name,
                **_database(database, login),
            },
            resources=settings.resources,
            volumes=volumes,
        ),
    )


def microservice_manifests(args: MicroserviceArgs, settings: MicroserviceSettings) -> list[Manifest]:
    """All objects of a service, dependencies first.

    Raises:
        InvalidSettingsError: A variable has two values.
    """
    service = settings.service
    return render(
        Workload(
            name=service.name,
            namespace=args.namespace,
            program=service.name,
            role=Role.SERVICE,
            version=service.version,
            containers=(_container(args, settings),),
            init_containers=_migration(args, settings),
            shape=DeploymentShape(replicas=settings.replicas, disruption_budget=True),
            scheduling=settings.scheduling,
            pod_labels={
                Label.APP.value: service.name,
                Label.SERVICE_VERSION.value: service.version,
                **args.mesh.pod_labels,
            },
            pod_annotations=args.mesh.pod_annotations,
        )
    )


class Microservice(Component):
    """A running service of the catalog.

    Attributes:
        url: Address inside the cluster, with the scheme ``dns:///`` for gRPC.
        service_account: Service account of the pods, part of the mesh identity.

    Raises:
        InvalidSettingsError: The settings are invalid, or a variable has two values.
    """

    TYPE: ClassVar[str] = "Microservice"

    url: pulumi.Output[str]
    service_account: pulumi.Output[str]

    def __init__(self, name: str, args: MicroserviceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        settings = parse(MicroserviceSettings, args.settings)
        manifests = microservice_manifests(args, settings)
        super().__init__(name, opts)
        self.children(manifests)
        host = self.host(settings.service.name, args.namespace)
        self.url = pulumi.Output.concat(URL_PREFIX[settings.service.protocol], host, f":{settings.service.port}")
        self.service_account = pulumi.Output.from_input(settings.service.name)
        self.register_outputs({"url": self.url, "service_account": self.service_account})
