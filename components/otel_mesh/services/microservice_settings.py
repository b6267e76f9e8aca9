"""Settings and arguments of a service."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - a component plugin reads it at run time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

import pulumi  # noqa: TC002 - a component plugin reads it at run time
from pydantic import Field, model_validator

from otel_mesh.catalog.derivations import url_variable
from otel_mesh.catalog.model import Service  # noqa: TC001 - pydantic reads it at run time
from otel_mesh.core.errors import InvalidSettingsError, Problem, join_path
from otel_mesh.core.values import DnsLabel, Environment, LogLevel, Ratio, Replicas, Settings
from otel_mesh.k8s.containers import POD_FIELDS
from otel_mesh.k8s.resources import Resources
from otel_mesh.k8s.scheduling import Scheduling
from otel_mesh.mesh.binding import MeshBinding, NoMesh
from otel_mesh.services.ordinary_workload import OrdinaryWorkload
from otel_mesh.services.store_access import CacheAccess, DatabaseAccess  # noqa: TC001 - a component plugin reads them at run time
from otel_mesh.services.workload_checks import workload_problems

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

    from otel_mesh.catalog.versions import Version

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


class MicroserviceSettings(OrdinaryWorkload, ServiceRuntime):
    """Settings of a `Microservice`, besides those of `ServiceRuntime` and `OrdinaryWorkload`.

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
        problems = [
            *self._undrainable(),
            *(one.below("service") for one in taken_variables(self.service)),
            *workload_problems(self, self.service, own_variables(self.service)),
        ]
        if problems:
            raise InvalidSettingsError(problems)
        return self

    def _undrainable(self) -> Iterator[Problem]:
        for count in pod_counts(self, self, self.service.versions):
            problem = self.scheduling.problem_with(count)
            if problem is not None:
                yield problem


_OWN_VARIABLES: Final = frozenset(
    {
        *POD_FIELDS,
        *("PORT", "PROTOCOL", "LOG_LEVEL"),
        *("OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES", "OTEL_EXPORTER_OTLP_ENDPOINT"),
        *("OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG"),
        *("OTEL_METRIC_EXPORT_INTERVAL", "OTEL_MESH_PEER_IDENTITY", "OTEL_MESH_OUTSIDE_CONTEXT"),
    }
)
_STORE_VARIABLES: Final = frozenset(
    {
        "DATABASE_NAME",
        *(
            f"{store}_{name}"
            for store in ("DATABASE", "REDIS")
            for name in (
                *("HOST", "PORT", "USER", "USER_FILE", "PASSWORD_FILE"),
                *("TLS_MODE", "CA_FILE", "CERTIFICATE_FILE", "KEY_FILE"),
            )
        ),
    }
)


def own_variables(service: Service) -> frozenset[str]:
    """The environment variables that `Microservice` sets itself."""
    stores = _STORE_VARIABLES if service.stores else frozenset[str]()
    return _OWN_VARIABLES | stores | {url_variable(name) for name in service.callees}


def pod_counts(runtime: ServiceRuntime, workload: OrdinaryWorkload, versions: Mapping[str, Version]) -> list[int]:
    """The lowest numbers of pods that each version of a service has."""
    common = runtime.replicas if workload.autoscaling is None else workload.autoscaling.min
    return sorted({common, *(one.replicas or common for one in versions.values())})


def taken_variables(service: Service) -> Iterator[Problem]:
    """Problems of a service's versions with variables that `Microservice` sets itself."""
    own = own_variables(service)
    for name, one in service.versions.items():
        for variable in sorted(own & one.env.keys()):
            yield Problem(join_path("versions", name, "env", variable), "is set by the component", "remove it")


@dataclass(frozen=True, kw_only=True)
class MicroserviceArgs:
    """Arguments of a `Microservice`.

    Attributes:
        namespace: Namespace of the Kubernetes objects.
        image: Container image.
        otlp_endpoint: URL of the Collector's OTLP receiver (gRPC); None for an image that sends no telemetry.
        settings: Settings, or a mapping of their fields.
        callees: Addresses of the called services, by environment variable.
        database: Access to the service's database; None without one.
        cache: Access to the service's cache; None without one.
        mesh: Mesh that the service joins.
        variables: Further environment variables, such as feature switches.
        version_images: Container images of further versions, in place of those in the settings.
    """

    namespace: pulumi.Input[str]
    image: pulumi.Input[str]
    settings: MicroserviceSettings
    otlp_endpoint: pulumi.Input[str] | None = None
    callees: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    database: DatabaseAccess | None = None
    cache: CacheAccess | None = None
    mesh: MeshBinding = field(default_factory=NoMesh)
    variables: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    version_images: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
