"""The form of a stack's one structured setting, ``otel-mesh:settings``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field, model_validator

from otel_mesh.collector_config import OtelCollectorSettings
from otel_mesh.jaeger import JaegerSettings
from otel_mesh.microservice import Environment, ServiceRuntime
from otel_mesh.postgres import PostgresSettings
from otel_mesh.problems import InvalidSettingsError, Problem, nearest
from otel_mesh.prometheus import PrometheusSettings
from otel_mesh.values import DnsLabel, ImageReference, LabelValue, Settings
from otel_mesh_stack.services import CATALOG

if TYPE_CHECKING:
    from typing import Self

FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=255)]
"""The name of a file in a folder, without a path."""


class Cluster(Settings):
    """Which cluster the stack belongs to.

    Attributes:
        context: of the kubeconfig; always named, so that a changed default context changes nothing.
        name: the cluster's own name, ``k8s.cluster.name`` of all telemetry.
    """

    context: Annotated[str, Field(min_length=1, max_length=253)]
    name: LabelValue


class Namespaces(Settings):
    """Where things live.

    Attributes:
        observability: Collector, Jaeger, Prometheus.
        services: the services and their stores.
    """

    observability: DnsLabel = "observability"
    services: DnsLabel = CATALOG.name

    @model_validator(mode="after")
    def _apart(self) -> Self:
        if self.observability == self.services:
            problem = Problem("services", "is the namespace of observability too", "use two namespaces")
            raise InvalidSettingsError([problem])
        return self


class ServiceSettings(ServiceRuntime):
    """One service's difference from ``service_defaults``.

    Attributes:
        image: what it runs, instead of the image file's.
    """

    image: ImageReference | None = None


class StackSettings(Settings):
    """All settings of a stack: only what differs from the defaults stands in its file.

    Attributes:
        environment: ``deployment.environment.name`` of all telemetry.
        cluster: where the stack is deployed.
        namespaces: names of its namespaces.
        images_from_file: whether OTEL_MESH_IMAGES_FILE, a JSON object of name to image, replaces default images.
        postgres_password_file: file in OTEL_MESH_SECRETS_DIR with PostgreSQL's password; else ``postgres`` names an
            existing Secret.
        wait: whether an update waits until what it deployed is ready.
        ready_timeout_seconds: how long each workload may take to become ready.
        collector: the OpenTelemetry Collector; ``cluster_name`` is taken from ``cluster``.
        jaeger: the trace store.
        prometheus: the metric store.
        postgres: the services' database; the services' own databases are added.
        service_defaults: how services are run.
        services: what is different for one of them, by name.
    """

    environment: Environment
    cluster: Cluster
    namespaces: Namespaces = Namespaces()
    images_from_file: bool = False
    postgres_password_file: FileName | None = None
    wait: bool = True
    ready_timeout_seconds: Annotated[int, Field(ge=10, le=3600)] = 120
    collector: OtelCollectorSettings = OtelCollectorSettings()
    jaeger: JaegerSettings = JaegerSettings()
    prometheus: PrometheusSettings = PrometheusSettings()
    postgres: PostgresSettings = PostgresSettings()
    service_defaults: ServiceRuntime = ServiceRuntime()
    services: dict[str, ServiceSettings] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        problems = []
        known = {service.name for service in CATALOG.services}
        problems += [
            Problem(f"services.{name}", "is not in the catalogue", nearest(name, known))
            for name in self.services
            if name not in known
        ]
        if (self.postgres_password_file is None) == (self.postgres.existing_secret is None):
            given = "neither is" if self.postgres_password_file is None else "both are"
            reason = f"PostgreSQL's password: {given} given"
            remedy = "set either postgres_password_file or postgres.existing_secret"
            problems.append(Problem("postgres_password_file", reason, remedy))
        if problems:
            raise InvalidSettingsError(problems)
        return self

    def runtime(self, service: str) -> ServiceRuntime:
        """How a service is run: its own settings over the defaults."""
        own = self.services.get(service, ServiceSettings())
        values = {
            **self.service_defaults.model_dump(exclude_unset=True),
            **own.model_dump(exclude_unset=True, exclude={"image"}),
        }
        return ServiceRuntime.model_validate(values)
