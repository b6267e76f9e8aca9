"""The form of a stack's one structured setting, ``otel-mesh:settings``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field, model_validator

from otel_mesh import (
    DatabaseRoles,
    DnsLabel,
    Environment,
    GrafanaSettings,
    ImageReference,
    InvalidSettingsError,
    JaegerSettings,
    LabelValue,
    ObjectName,
    OtelCollectorSettings,
    PostgresSettings,
    Priority,
    Problem,
    PrometheusSettings,
    Ratio,
    RedisSettings,
    Scheduling,
    ServiceRuntime,
    Settings,
    SqlName,
    TailSamplerSettings,
    Uid,
    UserName,
    VictoriaLogsSettings,
    join_path,
    nearest,
)
from otel_mesh_stack.load_generator import LoadGeneratorSettings
from otel_mesh_stack.mesh_settings import MeshSettings
from otel_mesh_stack.secret_files import FileName  # noqa: TC001 - pydantic reads it at run time
from otel_mesh_stack.services import CATALOG

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self


class Cluster(Settings):
    """Which cluster the stack belongs to.

    Attributes:
        context: of the kubeconfig; always named, so that a changed default context changes nothing.
        name: the cluster's own name, ``k8s.cluster.name`` of all telemetry.
        uid: of the cluster's namespace ``kube-system``; another cluster is refused then, also by a stack without
            state. Print it with ``kubectl get namespace kube-system -o jsonpath={.metadata.uid}``.
    """

    context: Annotated[str, Field(min_length=1, max_length=253)]
    name: LabelValue
    uid: Uid | None = None


class Namespaces(Settings):
    """Where things live.

    Attributes:
        observability: Collector, Jaeger, VictoriaLogs, Prometheus, Grafana.
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


class LoadSettings(LoadGeneratorSettings):
    """The load generator of a stack.

    Attributes:
        image: what it runs, instead of the image file's.
    """

    image: ImageReference | None = None


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


class ShopRedis(RedisSettings):
    """Redis of a stack.

    Attributes:
        user: User that clients log in as.
    """

    user: UserName = "shop"


class StackSettings(Settings):
    """All settings of a stack: only what differs from the defaults stands in its file.

    Attributes:
        environment: ``deployment.environment.name`` of all telemetry.
        cluster: where the stack is deployed.
        namespaces: names of its namespaces.
        images_from_file: whether OTEL_MESH_IMAGES_FILE, a JSON object of name to image, replaces default images.
        postgres_password_file: file in OTEL_MESH_SECRETS_DIR with the password of PostgreSQL's own role, and beside it
            files of that name with ``-migrations`` and ``-services`` appended, of the roles that migrate and use the
            databases. Else ``postgres`` names an existing Secret, and two more Secrets have its name and the same ends.
        redis_password_file: the same for Redis.
        wait: whether an update waits until what it deployed is ready.
        ready_timeout_seconds: how long each workload may take to become ready.
        scheduling: where all pods run; a part's own ``scheduling`` replaces what it sets.
        priority_classes: made by this stack, by name; another stack of the same cluster needs other names.
        storage_class: of all claims that name none; None for the cluster's default.
        mesh: which mesh the services are in.
        collector: the OpenTelemetry Collector; ``cluster_name`` is taken from ``cluster``.
        tail_sampler: the Collectors that keep traces with errors, slow ones and a share of the others; without it all
            are kept that the services record. With it they should record all: what they leave out nobody can keep.
        jaeger: the trace backend.
        victoria_logs: the log backend.
        prometheus: the metrics backend.
        grafana: the page for people; None for a stack without.
        postgres: the services' database; the services' own databases are added, and roles where none are named.
        redis: the services' cache.
        load_generator: requests that are sent through the front door once for each change here; None for none.
        demonstration_payments: whether payments can be made by the methods of the demonstration, for which nobody pays
            anything. Without them every payment is declined, as long as the shop knows no others.
        order_patience_share: of the orders, those in variant ``experiment`` of the A/B experiment ``order-patience``:
            they are given up after 6 s and not 9 s, and settled later. 0 for no experiment.
        service_defaults: how services are run.
        services: what is different for one of them, by name.
    """

    environment: Environment
    cluster: Cluster
    namespaces: Namespaces = Namespaces()
    images_from_file: bool = False
    postgres_password_file: FileName | None = None
    redis_password_file: FileName | None = None
    wait: bool = True
    ready_timeout_seconds: Annotated[int, Field(ge=10, le=3600)] = 120
    scheduling: Scheduling = Scheduling()
    priority_classes: dict[ObjectName, Priority] = Field(default_factory=dict)
    storage_class: ObjectName | None = None
    mesh: MeshSettings = MeshSettings()
    collector: OtelCollectorSettings = OtelCollectorSettings()
    tail_sampler: TailSamplerSettings | None = None
    jaeger: JaegerSettings = JaegerSettings()
    victoria_logs: VictoriaLogsSettings = VictoriaLogsSettings()
    prometheus: PrometheusSettings = PrometheusSettings()
    grafana: GrafanaSettings | None = None
    postgres: ShopPostgres = ShopPostgres()
    redis: ShopRedis = ShopRedis()
    load_generator: LoadSettings | None = None
    demonstration_payments: bool = False
    order_patience_share: Ratio = 0
    service_defaults: ServiceRuntime = ServiceRuntime()
    services: dict[str, ServiceSettings] = Field(default_factory=dict)

    @property
    def roles(self) -> DatabaseRoles:
        """The roles of PostgreSQL that migrate and use the services' databases."""
        return self.postgres.roles or ShopRoles()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        problems = []
        known = {service.name for service in CATALOG.services}
        problems += [
            Problem(join_path("services", name or "''"), "is not in the catalog", nearest(name, known))
            for name in self.services
            if name not in known
        ]
        problems += self._unclear_passwords()
        problems += self._names_used_twice()
        if self.postgres.roles is None and self.postgres.user in (self.roles.migrations, self.roles.services):
            reason = f"'{self.postgres.user}' is the name of a role that is to do less"
            problems.append(Problem("postgres.user", reason, "give it another name, or set postgres.roles"))
        if problems:
            raise InvalidSettingsError(problems)
        return self

    def _unclear_passwords(self) -> Iterator[Problem]:
        for store, program in (("postgres", "PostgreSQL"), ("redis", "Redis")):
            key = f"{store}_password_file"
            file, secret = getattr(self, key), getattr(self, store).existing_secret
            if (file is None) == (secret is None):
                given = "neither is" if file is None else "both are"
                remedy = f"set either {key} or {store}.existing_secret"
                yield Problem(key, f"{program}'s password: {given} given", remedy)
        if self.grafana is not None and self.grafana.existing_secret is None:
            remedy = "name a Secret of the observability namespace with the key 'password'"
            yield Problem("grafana.existing_secret", "required but missing: the admin's password", remedy)

    def _names_used_twice(self) -> Iterator[Problem]:
        """Objects of two parts that would be one."""
        seen: dict[str, str] = {}
        for part in ("collector", "tail_sampler", "jaeger", "victoria_logs", "prometheus", "grafana"):
            settings = getattr(self, part)
            if settings is None:
                continue
            name = settings.name
            if name in seen:
                yield Problem(f"{part}.name", f"'{name}' is also the name of {seen[name]}", "give each its own name")
            seen.setdefault(name, part)
        taken = {service.name: "a service" for service in CATALOG.services}
        for store in ("postgres", "redis"):
            name = getattr(self, store).name
            if name in taken:
                yield Problem(f"{store}.name", f"'{name}' is also the name of {taken[name]}", "give it another name")
            taken.setdefault(name, store)
