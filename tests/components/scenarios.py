"""Scenarios of the golden files: for each component the defaults and settings that differ from them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

from otel_mesh import (
    AlertmanagerArgs,
    AlertmanagerSettings,
    CacheAccess,
    DatabaseAccess,
    DatabaseLogin,
    DatabaseRoles,
    GrafanaArgs,
    GrafanaSettings,
    JaegerArgs,
    JaegerSettings,
    MeshBinding,
    MicroserviceArgs,
    MicroserviceSettings,
    NamespaceArgs,
    NamespaceSettings,
    NoMesh,
    Objectives,
    OtelCollectorArgs,
    OtelCollectorSettings,
    OutsidePostgres,
    OutsideRedis,
    PostgresArgs,
    PostgresBackupArgs,
    PostgresBackupSettings,
    PostgresSettings,
    PriorityClassArgs,
    PriorityClassSettings,
    PrometheusArgs,
    PrometheusSettings,
    RedisArgs,
    RedisSettings,
    Scheduling,
    Service,
    Storage,
    TailSamplerArgs,
    TailSamplerSettings,
    Version,
    VictoriaLogsArgs,
    VictoriaLogsSettings,
)
from otel_mesh.backends.alertmanager import alertmanager_manifests
from otel_mesh.backends.grafana.component import grafana_manifests
from otel_mesh.backends.jaeger import jaeger_manifests
from otel_mesh.backends.prometheus.component import prometheus_manifests
from otel_mesh.backends.victoria_logs import OTLP_PATH, victoria_logs_manifests
from otel_mesh.collector.component import collector_manifests
from otel_mesh.collector.tail_sampler import tail_sampler_manifests
from otel_mesh.k8s.namespace import namespace_manifests
from otel_mesh.k8s.priority_class import priority_class_manifests
from otel_mesh.mesh.istio.binding import PROXY_SCRAPING
from otel_mesh.services.microservice_objects import microservice_manifests
from otel_mesh.services.postgres import postgres_manifests
from otel_mesh.services.postgres_backup import postgres_backup_manifests
from otel_mesh.services.redis import redis_manifests
from otel_mesh_stack.load_generator import LoadGeneratorArgs, LoadGeneratorSettings, load_generator_manifests
from tests.components.backend_scenarios import backend_scenarios

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_mesh.k8s.manifests import Manifest

TRACES: Final = "jaeger.observability.svc.cluster.local:4317"
METRICS_URL: Final = "http://prometheus.observability.svc.cluster.local:9090/api/v1/otlp"
LOGS_URL: Final = f"http://victoria-logs.observability.svc.cluster.local:9428{OTLP_PATH}"
PERSISTENT: Final = Storage(kind="persistent", size="10Gi", storage_class="fast")
SCHEDULED: Final = Scheduling.model_validate(
    {
        "node_selector": {"kubernetes.io/os": "linux"},
        "tolerations": [
            {"key": "dedicated", "operator": "Equal", "value": "telemetry", "effect": "NoSchedule"},
            {"key": "node.kubernetes.io/unreachable", "effect": "NoExecute", "seconds": 60},
        ],
        "priority_class": "urgent",
        "topology_keys": ["kubernetes.io/hostname", "topology.kubernetes.io/zone"],
        "spread_required": True,
        "max_unavailable": 2,
        "image_pull_secrets": ["registry"],
    }
)
MESH: Final = MeshBinding(
    kind="istio",
    version="1.31.0",
    revision="stable",
    trust_domain="cluster.local",
    namespace_labels={"istio.io/rev": "stable"},
    pod_labels={"service.istio.io/canonical-revision": "v1"},
    pod_annotations={"proxy.istio.io/config": "{}"},
    resource_attributes={"service.mesh": "istio", "service.mesh.version": "1.31.0"},
    peer_identity="xfcc-last",
    proxy_spans="envoy",
    proxy_scraping=PROXY_SCRAPING,
)


ALERTS: Final = AlertmanagerSettings.model_validate(
    {
        "replicas": 2,
        "storage": {"kind": "persistent", "size": "1Gi"},
        "receivers": {
            "pager": {"pagerduty": {"routing_key": {"secret": "alert-receivers", "key": "pagerduty"}}},
            "team": {
                "slack": {"api_url": {"secret": "alert-receivers", "key": "slack"}, "channel": "#alerts"},
                "email": {
                    "to": ["oncall@example.com", "team@example.com"],
                    "sender": "alerts@example.com",
                    "server": "smtp.example.com:587",
                    "username": "alerts",
                    "password": {"secret": "alert-receivers", "key": "smtp"},
                },
            },
            "all": {
                "webhook": {
                    "url_secret": {"secret": "alert-receivers", "key": "webhook"},
                    "bearer_token": {"secret": "alert-receivers", "key": "token"},
                },
                "send_resolved": False,
            },
        },
        "routes": {"critical": "pager", "warning": "team"},
        "default_receiver": "all",
    }
)


BACKUP: Final = PostgresBackupArgs(
    namespace="shop",
    host="postgres.shop.svc.cluster.local",
    user="shop_migrations",
    database="orders",
    secret_name="postgres-credentials-migrations",  # noqa: S106 - the Secret's name
    otlp_host="otel-collector.observability.svc.cluster.local",
)


BACKUP_STORE: Final = {
    "endpoint": "https://objects.example.com:9000/",
    "bucket": "backups",
    "prefix": "clusters/main",
    "credentials_secret": "backup-store",
    "ca": {"config_map": "authorities"},
    "image": "registry.example/backup-store:1.2.3",
}
BACKUP_BY_IDENTITY: Final = {
    "store": {
        "endpoint": "https://s3.eu-central-1.amazonaws.com",
        "bucket": "backups",
        "region": "eu-central-1",
        "identity_calls": ["sts.eu-central-1.amazonaws.com"],
        "keep": 90,
        "image": "registry.example/backup-store:1.2.3",
    },
    "account": {"annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/backups"}},
}


def _alertmanager(settings: AlertmanagerSettings) -> list[Manifest]:
    return alertmanager_manifests(AlertmanagerArgs(namespace="observability"), settings)


def _collector(settings: OtelCollectorSettings) -> list[Manifest]:
    args = OtelCollectorArgs(
        namespace="observability",
        traces_target=TRACES,
        metrics_url=METRICS_URL,
        logs_url=LOGS_URL,
        settings=settings,
    )
    return collector_manifests(args, settings)


def _microservice(
    mesh: MeshBinding,
    database: DatabaseAccess | None,
    settings: MicroserviceSettings,
    cache: CacheAccess | None = None,
) -> list[Manifest]:
    args = MicroserviceArgs(
        namespace="shop",
        image="registry.example/user-service:1.2.3",
        otlp_endpoint="http://otel-collector.observability.svc.cluster.local:4317",
        settings=settings,
        callees={"ORDER_SERVICE_URL": "http://order-service.shop.svc.cluster.local:8082"},
        database=database,
        cache=cache,
        mesh=mesh,
    )
    return microservice_manifests(args, settings)


def _jaeger(settings: JaegerSettings) -> list[Manifest]:
    return jaeger_manifests(JaegerArgs(namespace="observability"), settings)


def _victoria_logs(settings: VictoriaLogsSettings, mesh: MeshBinding | None = None) -> list[Manifest]:
    return victoria_logs_manifests(VictoriaLogsArgs(namespace="observability", mesh=mesh or NoMesh()), settings)


def _namespace(settings: NamespaceSettings, mesh: MeshBinding) -> list[Manifest]:
    return namespace_manifests(NamespaceArgs(settings=settings, mesh=mesh), settings)


def _priority_class(settings: PriorityClassSettings) -> list[Manifest]:
    return priority_class_manifests(PriorityClassArgs(settings=settings), settings)


def _load_generator(settings: LoadGeneratorSettings, mesh: MeshBinding) -> list[Manifest]:
    args = LoadGeneratorArgs(
        namespace="shop",
        image="registry.example/load-generator:1.2.3",
        target_url="http://ingress.istio-ingress.svc.cluster.local",
        otlp_endpoint="http://otel-collector.observability.svc.cluster.local:4317",
        service_namespace="shop",
        environment="test",
        mesh=mesh,
    )
    return load_generator_manifests(args, settings)


PASSWORD: Final = "from-a-secret-output"  # noqa: S105 - a test's
SERVICE: Final = Service(name="user-service", port=8081, version="1.2.3", stores=("postgres",))
DATABASE: Final = DatabaseAccess(
    host="postgres.shop.svc.cluster.local",
    port=5432,
    name="user_service",
    user="shop",
    secret_name="postgres-credentials",  # noqa: S106 - the Secret's name
)
GRPC_SERVICE: Final = SERVICE.model_copy(update={"protocol": "grpc", "stores": ("redis", "postgres")})
CACHE: Final = CacheAccess(
    host="redis.shop.svc.cluster.local",
    port=6379,
    user="shop",
    secret_name="redis-credentials",  # noqa: S106 - the Secret's name
)


def _grafana(args: GrafanaArgs, settings: GrafanaSettings) -> list[Manifest]:
    """The objects without the dashboards' JSON, which has golden files of its own."""
    manifests = grafana_manifests(args, settings)
    for manifest in manifests:
        if manifest["kind"] == "ConfigMap":
            texts = manifest["data"].items()
            manifest["data"] = {key: "..." if key.endswith(".json") else text for key, text in texts}
    return manifests


_PLAIN: Final = {"service": {"name": "web", "port": 8080}, "service_namespace": "shop", "environment": "test"}
_ORDINARY: Final = MicroserviceSettings.model_validate(
    {
        **_PLAIN,
        "env": {
            "MODE": "fast",
            "TOKEN": {"secret": "token", "key": "value", "optional": True},
            "REGION": {"config_map": "region", "key": "name"},
            "HOST_IP": {"field": "status.hostIP"},
        },
        "command": ["/bin/web"],
        "args": ["--port=8080"],
        "health": {"live": {"path": "/"}, "ready": {"tcp": True}, "start_seconds": 90},
        "ports": [{"name": "admin", "number": 9000, "protocol": "http"}, {"name": "debug", "number": 9001}],
        "volumes": {
            "work": {"size": "1Gi", "medium": "memory"},
            "files": {"config_map": "files"},
            "keys": {"secret": "keys"},
            "data": {"claim": "data"},
            "cloud": {"projected": [{"audience": "sts.amazonaws.com"}, {"secret": "keys"}]},
        },
        "mounts": [
            {"volume": "work", "path": "/var/work"},
            {"volume": "files", "path": "/etc/web.conf", "sub_path": "web.conf"},
            {"volume": "keys", "path": "/keys"},
            {"volume": "data", "path": "/data", "read_only": True},
        ],
        "init_containers": [{"name": "prepare", "args": ["prepare"], "mounts": [{"volume": "work", "path": "/work"}]}],
        "sidecars": [
            {
                "name": "exporter",
                "image": "registry.example/exporter:2",
                "env": {"TARGET": "127.0.0.1"},
                "mounts": [{"volume": "cloud", "path": "/var/run/cloud"}],
                "health": {"live": {"tcp": True, "port": 9100}},
            }
        ],
        "pod_labels": {"team": "web"},
        "pod_annotations": {"example.com/note": "any text"},
        "account": {"annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/web"}},
        "uid": 101,
        "gid": 101,
        "host_aliases": {"192.0.2.1": ["legacy.example"]},
        "autoscaling": {
            "max": 5,
            "cpu_percent": 70,
            "memory_percent": 80,
            "metrics": [{"name": "requests_waiting", "labels": {"app": "web"}, "per_pod": "10"}],
        },
        "pre_stop_seconds": 5,
        "grace_seconds": 40,
        "unhealthy_pod_eviction": "AlwaysAllow",
    }
)
_CRON: Final = MicroserviceSettings.model_validate(
    {**_PLAIN, "args": ["report"], "run": {"schedule": "30 2 * * *", "time_zone": "Europe/Berlin", "retries": 2}}
)


SCENARIOS: Final[dict[str, Callable[[], list[Manifest]]]] = {
    "otel-collector": lambda: _collector(OtelCollectorSettings()),
    "otel-collector-meshed": lambda: collector_manifests(
        OtelCollectorArgs(namespace="observability", traces_target=TRACES, metrics_url=METRICS_URL, mesh=MESH),
        OtelCollectorSettings(),
    ),
    "otel-collector-small": lambda: _collector(
        OtelCollectorSettings.model_validate(
            {"replicas": 1, "cluster_name": "small", "batching": {"size": 128, "timeout": "500ms"}}
        )
    ),
    "otel-collector-sampled": lambda: collector_manifests(
        OtelCollectorArgs(
            namespace="observability",
            sampler_host="otel-sampler.observability.svc.cluster.local",
            metrics_url=METRICS_URL,
        ),
        OtelCollectorSettings(),
    ),
    "otel-sampler": lambda: tail_sampler_manifests(
        TailSamplerArgs(namespace="observability", traces_target=TRACES, metrics_url=METRICS_URL),
        TailSamplerSettings(),
    ),
    "jaeger": lambda: _jaeger(JaegerSettings()),
    "jaeger-persistent": lambda: _jaeger(JaegerSettings(storage=PERSISTENT, retention="2w")),
    "victoria-logs": lambda: _victoria_logs(VictoriaLogsSettings()),
    "victoria-logs-persistent": lambda: _victoria_logs(
        VictoriaLogsSettings(
            storage=PERSISTENT, retention="4w", max_disk_usage="6Gi", flush_interval_seconds=5, meshed=True
        ),
        MESH,
    ),
    "victoria-logs-scheduled": lambda: _victoria_logs(VictoriaLogsSettings(scheduling=SCHEDULED)),
    "alertmanager": lambda: _alertmanager(AlertmanagerSettings()),
    "alertmanager-receivers": lambda: _alertmanager(ALERTS),
    "postgres-backup": lambda: postgres_backup_manifests(BACKUP, PostgresBackupSettings()),
    "postgres-backup-meshed": lambda: postgres_backup_manifests(
        dataclasses.replace(BACKUP, mesh=MESH),
        PostgresBackupSettings(keep=30, storage=PERSISTENT, scheduling=SCHEDULED),
    ),
    "postgres-backup-store": lambda: postgres_backup_manifests(
        BACKUP, PostgresBackupSettings.model_validate({"storage": {"size": "5Gi"}, "store": BACKUP_STORE})
    ),
    "postgres-backup-store-identity": lambda: postgres_backup_manifests(
        dataclasses.replace(BACKUP, mesh=MESH), PostgresBackupSettings.model_validate(BACKUP_BY_IDENTITY)
    ),
    "prometheus": lambda: prometheus_manifests(PrometheusArgs(namespace="observability"), PrometheusSettings()),
    "prometheus-persistent": lambda: prometheus_manifests(
        PrometheusArgs(
            namespace="observability",
            targets={"jaeger": "jaeger.observability.svc.cluster.local:8888"},
            exposed=("shop/api-gateway",),
        ),
        PrometheusSettings(
            storage=PERSISTENT,
            external_labels={"cluster": "big"},
            objectives=Objectives(availability=0.9995, latency_seconds=1.0),
        ),
    ),
    "prometheus-meshed": lambda: prometheus_manifests(
        PrometheusArgs(namespace="observability", mesh=MESH), PrometheusSettings()
    ),
    "grafana": lambda: _grafana(
        GrafanaArgs(
            namespace="observability",
            prometheus_url="http://prometheus.observability.svc.cluster.local:9090",
            jaeger_url="http://jaeger.observability.svc.cluster.local:16686",
            logs_url="http://victoria-logs.observability.svc.cluster.local:9428",
        ),
        GrafanaSettings(existing_secret="given", root_url="https://grafana.example.com/", scheduling=SCHEDULED),  # noqa: S106 - the Secret's name
    ),
    "grafana-without-logs": lambda: _grafana(
        GrafanaArgs(
            namespace="observability",
            prometheus_url="http://prometheus.observability.svc.cluster.local:9090",
            jaeger_url="http://jaeger.observability.svc.cluster.local:16686",
            admin_password="from-a-secret-output",  # noqa: S106 - a test's
            mesh=MESH,
        ),
        GrafanaSettings(anonymous=True, meshed=True),
    ),
    "postgres": lambda: postgres_manifests(
        PostgresArgs(namespace="shop", password=PASSWORD),
        PostgresSettings(user="shop", databases=("user_service", "order_service")),
    ),
    "postgres-roles": lambda: postgres_manifests(
        PostgresArgs(
            namespace="shop", password=PASSWORD, migrations_password=PASSWORD, services_password=PASSWORD, mesh=MESH
        ),
        PostgresSettings(
            user="shop",
            databases=("user_service", "order_service"),
            roles=DatabaseRoles(migrations="shop_migrations", services="shop_services"),
        ),
    ),
    "postgres-existing-secret": lambda: postgres_manifests(
        PostgresArgs(namespace="shop"),
        PostgresSettings(user="shop", databases=("shop",), existing_secret="given", storage=Storage()),  # noqa: S106 - the Secret's name
    ),
    "redis": lambda: redis_manifests(RedisArgs(namespace="shop", password=PASSWORD), RedisSettings(user="shop")),
    "redis-meshed": lambda: redis_manifests(
        RedisArgs(namespace="shop", mesh=MESH),
        RedisSettings(user="shop", existing_secret="given", eviction="volatile-ttl", scheduling=SCHEDULED),  # noqa: S106 - the Secret's name
    ),
    "microservice": lambda: _microservice(
        NoMesh(),
        DATABASE,
        MicroserviceSettings(service=SERVICE, service_namespace="shop", environment="production"),
    ),
    "microservice-meshed": lambda: _microservice(
        MESH,
        None,
        MicroserviceSettings(
            service=SERVICE, service_namespace="shop", environment="staging", replicas=5, sampling_ratio=0.25
        ),
    ),
    "microservice-grpc": lambda: _microservice(
        NoMesh(),
        DATABASE,
        MicroserviceSettings(service=GRPC_SERVICE, service_namespace="shop", environment="production"),
        CACHE,
    ),
    "microservice-outside-stores": lambda: _microservice(
        MESH,
        OutsidePostgres.model_validate(
            {
                "host": "db.example.com",
                "services_secret": "shop-services",
                "migrations_secret": "shop-migrations",
                "tls": {"ca": {"secret": "database-ca"}},
                "addresses": ["192.0.2.10/32"],
            }
        ).access("user_service"),
        MicroserviceSettings(service=GRPC_SERVICE, service_namespace="shop", environment="production"),
        OutsideRedis.model_validate(
            {"host": "cache.example.com", "login_secret": "shop-cache", "tls": {"client_secret": "cache-client"}}
        ).access(),
    ),
    "microservice-migrated": lambda: _microservice(
        MESH,
        dataclasses.replace(
            DATABASE,
            user="shop_services",
            secret_name="postgres-credentials-services",  # noqa: S106 - the Secret's name
            migrations=DatabaseLogin(
                user="shop_migrations",
                secret_name="postgres-credentials-migrations",  # noqa: S106 - the same
            ),
        ),
        MicroserviceSettings(service=SERVICE, service_namespace="shop", environment="production"),
    ),
    "microservice-versions": lambda: _microservice(
        MESH,
        None,
        MicroserviceSettings(
            service=SERVICE.model_copy(
                update={
                    "versions": {
                        "v2": Version.model_validate(
                            {
                                "image": "registry.example/user-service:2.0.0",
                                "replicas": 1,
                                "resources": {"memory_limit": "512Mi"},
                                "env": {"LOOKUP": "index", "TOKEN": {"secret": "lookup", "key": "token"}},
                            }
                        ),
                        "2.1.0-rc1": Version(),
                    }
                }
            ),
            service_namespace="shop",
            environment="staging",
        ),
    ),
    "microservice-ordinary": lambda: microservice_manifests(
        MicroserviceArgs(
            namespace="shop", image="registry.example/web:1", settings=_ORDINARY, mesh=MESH, variables={"A": "b"}
        ),
        _ORDINARY,
    ),
    "microservice-cron": lambda: microservice_manifests(
        MicroserviceArgs(namespace="shop", image="registry.example/web:1", settings=_CRON), _CRON
    ),
    "microservice-scheduled": lambda: _microservice(
        NoMesh(),
        None,
        MicroserviceSettings(
            service=SERVICE, service_namespace="shop", environment="production", replicas=4, scheduling=SCHEDULED
        ),
    ),
    "otel-collector-traces-only": lambda: collector_manifests(
        OtelCollectorArgs(namespace="observability", traces_target=TRACES), OtelCollectorSettings(traces_only=True)
    ),
    "otel-collector-scheduled": lambda: _collector(OtelCollectorSettings(replicas=3, scheduling=SCHEDULED)),
    "postgres-scheduled": lambda: postgres_manifests(
        PostgresArgs(namespace="shop"),
        PostgresSettings(user="shop", databases=("shop",), existing_secret="given", scheduling=SCHEDULED),  # noqa: S106 - the Secret's name
    ),
    "jaeger-scheduled": lambda: _jaeger(JaegerSettings(scheduling=SCHEDULED)),
    "load-generator": lambda: _load_generator(LoadGeneratorSettings(), NoMesh()),
    "load-generator-soak": lambda: _load_generator(
        LoadGeneratorSettings(rate_per_second=50, order_share=0, user_ids=(1, 2), meshed=False, scheduling=SCHEDULED),
        MESH,
    ),
    "priority-class": lambda: _priority_class(
        PriorityClassSettings(name="urgent", value=1000, description="What people wait for.")
    ),
    **backend_scenarios({"traces_target": TRACES, "metrics_url": METRICS_URL, "logs_url": LOGS_URL}, MESH),
    "namespace": lambda: _namespace(NamespaceSettings(name="shop"), NoMesh()),
    "namespace-meshed": lambda: _namespace(NamespaceSettings(name="shop"), MESH),
    "namespace-outside-the-mesh": lambda: _namespace(NamespaceSettings(name="shop", meshed=False), MESH),
}
