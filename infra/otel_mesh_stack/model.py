"""The model of a stack's settings, ``otel-mesh:settings``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field, model_validator

from otel_mesh import (
    AlertmanagerAddress,
    AllowedCaller,
    DnsLabel,
    Environment,
    GrafanaSettings,
    ImageReference,
    ImageTag,
    InvalidSettingsError,
    JaegerSettings,
    LabelValue,
    ObjectName,
    OrdinaryWorkload,
    OtelCollectorSettings,
    OutsideBackend,
    PostgresBackupSettings,
    Priority,
    Problem,
    PrometheusSettings,
    Ratio,
    RegistryPath,
    Scheduling,
    ServiceRuntime,
    Settings,
    TailSamplerSettings,
    TrafficPolicy,
    Uid,
    Version,
    VersionName,
    VictoriaLogsSettings,
    join_path,
    nearest,
)
from otel_mesh_stack import alerting, backends, callers, exposure, stores, traffic
from otel_mesh_stack.load_generator import LoadGeneratorSettings
from otel_mesh_stack.mesh_settings import MeshSettings
from otel_mesh_stack.network_settings import NetworkPolicySettings
from otel_mesh_stack.secret_files import FileName  # noqa: TC001 - pydantic reads it at run time
from otel_mesh_stack.services import CATALOG
from otel_mesh_stack.versions import bad_versions, bad_workloads

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self


class Cluster(Settings):
    """The cluster of a stack.

    Attributes:
        context: Context of the kubeconfig; required, so that the current context has no effect.
        name: Name of the cluster, ``k8s.cluster.name`` of all telemetry.
        uid: UID of the cluster's namespace ``kube-system``; any other cluster is rejected, even before the first
            update. Print it with ``kubectl get namespace kube-system -o jsonpath={.metadata.uid}``.
    """

    context: Annotated[str, Field(min_length=1, max_length=253)]
    name: LabelValue
    uid: Uid | None = None


class Images(Settings):
    """Registry with the images of the stack's own programs: its services and the load generator.

    Attributes:
        registry: Registry and path before the name of each program, such as ``registry.example.com/shop``.
        tag: Tag of all images; None for each program's version.
    """

    registry: RegistryPath
    tag: ImageTag | None = None


class Namespaces(Settings):
    """Names of a stack's namespaces.

    Attributes:
        observability: Namespace of Collector, Jaeger, VictoriaLogs, Prometheus and Grafana.
        services: Namespace of the services and their stores.
    """

    observability: DnsLabel = "observability"
    services: DnsLabel = CATALOG.name

    @model_validator(mode="after")
    def _apart(self) -> Self:
        if self.observability == self.services:
            problem = Problem("services", "is also the observability namespace", "use two namespaces")
            raise InvalidSettingsError([problem])
        return self


class ServiceSettings(OrdinaryWorkload, ServiceRuntime):
    """Settings of one service that differ from ``service_defaults``.

    Attributes:
        image: Container image, in place of the image file's.
        callers: Workloads of other namespaces that may call the service, beside its callers in the catalog, and the
            requests they may send.
        traffic: Canary, faults, timeouts, retries and limits of requests to the service; None for the mesh's defaults.
        versions: Further versions beside the service's own, by name; they override those of the catalog.
    """

    image: ImageReference | None = None
    callers: tuple[AllowedCaller, ...] = ()
    traffic: TrafficPolicy | None = None
    versions: dict[VersionName, Version] = Field(default_factory=dict)


class LoadSettings(LoadGeneratorSettings):
    """The load generator of a stack.

    Attributes:
        image: Container image, in place of the image file's.
    """

    image: ImageReference | None = None


class StackSettings(Settings):
    """All settings of a stack; its file contains only those that differ from the defaults.

    Attributes:
        environment: ``deployment.environment.name`` of all telemetry.
        cluster: Cluster the stack is deployed to.
        namespaces: Names of the namespaces.
        images: Registry of the images of the stack's own programs; None if each is named, or the image file names all.
        images_from_file: Whether OTEL_MESH_IMAGES_FILE, a JSON object of name to image, replaces the default images.
        postgres_password_file: File in OTEL_MESH_SECRETS_DIR with the password of PostgreSQL's superuser role. The
            passwords of the roles for migrations and services are in files of the same name with ``-migrations`` and
            ``-services`` appended. Alternative: ``postgres.existing_secret``, with two more Secrets of that name and
            the same suffixes.
        redis_password_file: File in OTEL_MESH_SECRETS_DIR with the password of Redis. Alternative:
            ``redis.existing_secret``.
        wait: Whether an update waits until the deployed objects are ready.
        ready_timeout_seconds: Time that each workload may take to become ready.
        scheduling: Placement of all pods; the ``scheduling`` of a part overrides single values.
        priority_classes: Priority classes to create, by name; another stack on the same cluster needs other names.
        storage_class: Storage class of all claims without one of their own; None for the cluster's default.
        mesh: Mesh of the services.
        network_policies: NetworkPolicies, which refuse every undeclared connection.
        collector: The OpenTelemetry Collector; ``cluster_name`` is taken from ``cluster``.
        tail_sampler: Collectors that keep traces with errors, slow ones and a share of the others; None keeps all
            traces that the services record. With it the services should record all traces: others cannot be kept.
        jaeger: The trace backend: settings of the stack's own Jaeger, or the address of an OTLP receiver outside.
        victoria_logs: The log backend: settings of the stack's own VictoriaLogs, or an address like ``jaeger``.
        prometheus: The metrics backend: settings of the stack's own Prometheus, or an address like ``jaeger``.
        alertmanager: Where firing alerts go: settings of the stack's own Alertmanager, or the address of one outside;
            None: they are sent to nobody.
        grafana: Dashboards; None for a stack without Grafana.
        postgres: The services' database server: settings of the stack's own PostgreSQL, to which the services'
            databases are added, or the address of one outside.
        postgres_backup: Backups of the stack's own PostgreSQL; None for none.
        redis: The services' cache: settings of the stack's own Redis, or an address like ``postgres``.
        load_generator: Load that is generated once for each change here; None for none.
        demonstration_payments: Whether the demonstration's payment methods are accepted, which cost nothing. Without
            them every payment is declined, as the shop knows no other methods.
        order_patience_share: Share of the orders in variant ``experiment`` of the A/B experiment ``order-patience``,
            which time out after 6 s instead of 9 s and are settled later. 0 for no experiment.
        service_defaults: Settings of all services.
        services: Settings of single services that differ from ``service_defaults``, by name.
    """

    environment: Environment
    cluster: Cluster
    namespaces: Namespaces = Namespaces()
    images: Images | None = None
    images_from_file: bool = False
    postgres_password_file: FileName | None = None
    redis_password_file: FileName | None = None
    wait: bool = True
    ready_timeout_seconds: Annotated[int, Field(ge=10, le=3600)] = 120
    scheduling: Scheduling = Scheduling()
    priority_classes: dict[ObjectName, Priority] = Field(default_factory=dict)
    storage_class: ObjectName | None = None
    mesh: MeshSettings = MeshSettings()
    network_policies: NetworkPolicySettings = NetworkPolicySettings()
    collector: OtelCollectorSettings = OtelCollectorSettings()
    tail_sampler: TailSamplerSettings | None = None
    jaeger: backends.TracesBackend = JaegerSettings()
    victoria_logs: backends.LogsBackend = VictoriaLogsSettings()
    prometheus: backends.MetricsBackend = PrometheusSettings()
    alertmanager: alerting.AlertsBackend | None = None
    grafana: GrafanaSettings | None = None
    postgres: stores.Database = stores.ShopPostgres()
    postgres_backup: PostgresBackupSettings | None = None
    redis: stores.Cache = stores.ShopRedis()
    load_generator: LoadSettings | None = None
    demonstration_payments: bool = False
    order_patience_share: Ratio = 0
    service_defaults: ServiceRuntime = ServiceRuntime()
    services: dict[str, ServiceSettings] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        problems = []
        known = {service.name for service in CATALOG.services}
        problems += [
            Problem(join_path("services", name or "''"), "is not in the catalog", nearest(name, known))
            for name in self.services
            if name not in known
        ]
        problems += bad_versions({name: one.versions for name, one in self.services.items()})
        problems += bad_workloads(self.services)
        problems += self._unclear_passwords()
        problems += self._names_used_twice()
        problems += backends.problems(self)
        problems += alerting.problems(self)
        problems += exposure.problems(self)
        problems += callers.problems(self)
        if self.mesh.needs_meshed_collector and not self.collector.meshed:
            reason = "the proxies send their spans by mTLS to a Collector in the mesh only"
            remedy = "set it to true, or mesh.linkerd.proxy.tracing to false"
            problems.append(Problem("collector.meshed", reason, remedy))
        problems = problems or list(traffic.problems(self))  # they need versions without a problem
        if problems:
            raise InvalidSettingsError(problems)
        return self

    def _unclear_passwords(self) -> Iterator[Problem]:
        yield from stores.problems(self)
        if self.grafana is not None and self.grafana.existing_secret is None:
            remedy = "name a Secret of the observability namespace with the key 'password'"
            yield Problem("grafana.existing_secret", "required but missing: the admin's password", remedy)

    def _names_used_twice(self) -> Iterator[Problem]:
        """Problems of parts whose objects have the same name."""
        seen: dict[str, str] = {}
        for part in ("collector", "tail_sampler", "jaeger", "victoria_logs", "prometheus", "alertmanager", "grafana"):
            settings = getattr(self, part)
            if settings is None or isinstance(settings, OutsideBackend | AlertmanagerAddress):
                continue
            name = settings.name
            if name in seen:
                yield Problem(f"{part}.name", f"'{name}' is also the name of {seen[name]}", "give each its own name")
            seen.setdefault(name, part)
        taken = {service.name: "a service" for service in CATALOG.services}
        for store in ("postgres", "redis", "postgres_backup"):
            if getattr(self, store) is None or store in stores.outside(self):
                continue
            name = getattr(self, store).name
            if name in taken:
                yield Problem(f"{store}.name", f"'{name}' is also the name of {taken[name]}", "give it another name")
            taken.setdefault(name, store)
