"""Settings that the golden files show: for each component the plain case and the one that differs most."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_mesh import (
    DatabaseAccess,
    JaegerSettings,
    MeshBinding,
    MicroserviceArgs,
    MicroserviceSettings,
    NamespaceSettings,
    NoMesh,
    OtelCollectorArgs,
    OtelCollectorSettings,
    PostgresSettings,
    PrometheusSettings,
    Service,
    Storage,
)
from otel_mesh.jaeger import jaeger_manifests
from otel_mesh.microservice import microservice_manifests
from otel_mesh.namespace import namespace_manifest
from otel_mesh.otel_collector import collector_manifests
from otel_mesh.postgres import postgres_manifests
from otel_mesh.prometheus import prometheus_manifests

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_mesh.manifests import Manifest

PERSISTENT: Final = Storage(kind="persistent", size="10Gi", storage_class="fast")
MESH: Final = MeshBinding(
    kind="istio",
    version="1.27.9",
    revision="stable",
    trust_domain="cluster.local",
    namespace_labels={"istio.io/rev": "stable"},
    pod_labels={"service.istio.io/canonical-revision": "v1"},
    pod_annotations={"proxy.istio.io/config": "{}"},
    resource_attributes={"service.mesh": "istio", "service.mesh.version": "1.27.9"},
)


def _collector(settings: OtelCollectorSettings) -> list[Manifest]:
    args = OtelCollectorArgs(
        namespace="observability",
        traces_endpoint="jaeger.observability.svc.cluster.local:4317",
        metrics_url="http://prometheus.observability.svc.cluster.local:9090/api/v1/otlp",
        settings=settings,
    )
    return collector_manifests(args, settings)


def _microservice(mesh: MeshBinding, database: DatabaseAccess | None, settings: MicroserviceSettings) -> list[Manifest]:
    args = MicroserviceArgs(
        namespace="shop",
        image="registry.example/user-service:1.2.3",
        otlp_endpoint="http://otel-collector.observability.svc.cluster.local:4317",
        settings=settings,
        callees={"ORDER_SERVICE_URL": "http://order-service.shop.svc.cluster.local:8082"},
        database=database,
        mesh=mesh,
    )
    return microservice_manifests(args, settings)


SERVICE: Final = Service(name="user-service", port=8081, version="1.2.3", stores=("postgres",))
DATABASE: Final = DatabaseAccess(
    host="postgres.shop.svc.cluster.local",
    port=5432,
    name="user_service",
    user="shop",
    secret_name="postgres-credentials",  # noqa: S106 - the Secret's name
)

SCENARIOS: Final[dict[str, Callable[[], list[Manifest]]]] = {
    "otel-collector": lambda: _collector(OtelCollectorSettings()),
    "otel-collector-small": lambda: _collector(
        OtelCollectorSettings.model_validate(
            {"replicas": 1, "cluster_name": "small", "batching": {"size": 128, "timeout": "500ms"}}
        )
    ),
    "jaeger": lambda: jaeger_manifests(JaegerSettings(), "observability"),
    "jaeger-persistent": lambda: jaeger_manifests(JaegerSettings(storage=PERSISTENT, retention="2w"), "observability"),
    "prometheus": lambda: prometheus_manifests(PrometheusSettings(), "observability", {}),
    "prometheus-persistent": lambda: prometheus_manifests(
        PrometheusSettings(storage=PERSISTENT, external_labels={"cluster": "big"}),
        "observability",
        {"jaeger": "jaeger.observability.svc.cluster.local:8888"},
    ),
    "postgres": lambda: postgres_manifests(
        PostgresSettings(databases=("user_service", "order_service")), "shop", "from-a-secret-output"
    ),
    "postgres-existing-secret": lambda: postgres_manifests(
        PostgresSettings(existing_secret="given", storage=Storage()),  # noqa: S106 - the Secret's name
        "shop",
        None,
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
    "namespace": lambda: [namespace_manifest(NamespaceSettings(name="shop"), NoMesh())],
    "namespace-meshed": lambda: [namespace_manifest(NamespaceSettings(name="shop"), MESH)],
    "namespace-outside-the-mesh": lambda: [namespace_manifest(NamespaceSettings(name="shop", meshed=False), MESH)],
}
