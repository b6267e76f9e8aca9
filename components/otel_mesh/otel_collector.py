"""The OpenTelemetry Collector that everything sends its telemetry to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import pulumi

from otel_mesh import arrangements, cluster_objects, pods, workloads
from otel_mesh.collector_config import (
    HEALTH_PORT,
    METRICS_ENDPOINT,
    OTLP_GRPC_PORT,
    OTLP_HTTP_PORT,
    TRACES_ENDPOINT,
    OtelCollectorSettings,
    collector_config,
)
from otel_mesh.component import Component
from otel_mesh.labels import PART_OF, Annotation, Role, recommended, selector
from otel_mesh.manifests import Manifest, checksum, metadata, to_yaml
from otel_mesh.mesh import MeshBinding, NoMesh
from otel_mesh.problems import parse

if TYPE_CHECKING:
    from typing import Any, Final

_CONFIG_DIR: Final = "/etc/otel-collector"


@dataclass(frozen=True, kw_only=True)
class OtelCollectorArgs:
    """Arguments of an `OtelCollector`.

    Attributes:
        namespace: where its objects live.
        traces_endpoint: ``host:port`` that takes traces by OTLP over gRPC.
        metrics_url: base URL that takes metrics by OTLP over HTTP.
        settings: or a mapping that becomes one.
        mesh: that the namespace belongs to.
    """

    namespace: pulumi.Input[str]
    traces_endpoint: pulumi.Input[str]
    metrics_url: pulumi.Input[str]
    settings: OtelCollectorSettings = field(default_factory=OtelCollectorSettings)
    mesh: MeshBinding = field(default_factory=NoMesh)


def _pod(args: OtelCollectorArgs, settings: OtelCollectorSettings) -> dict[str, Any]:
    collector = workloads.container(
        "otel-collector",
        settings.image,
        args=[f"--config=file:{_CONFIG_DIR}/config.yaml"],
        env=[
            *pods.env_from_fields(
                {
                    "POD_NAME": "metadata.name",
                    "POD_UID": "metadata.uid",
                    "POD_NAMESPACE": "metadata.namespace",
                    "NODE_NAME": "spec.nodeName",
                }
            ),
            *pods.env(
                {
                    TRACES_ENDPOINT: args.traces_endpoint,
                    METRICS_ENDPOINT: args.metrics_url,
                    "GOMEMLIMIT": settings.resources.go_memory_limit(),
                }
            ),
        ],
        ports=pods.ports({"otlp-grpc": OTLP_GRPC_PORT, "otlp-http": OTLP_HTTP_PORT, "health": HEALTH_PORT}),
        startupProbe=pods.http_probe("/", "health", period=1, failures=60),
        livenessProbe=pods.http_probe("/", "health", period=10, failures=3),
        readinessProbe=pods.http_probe("/", "health", period=5, failures=2),
        resources=settings.resources.manifest(),
        volumeMounts=[{"name": "config", "mountPath": _CONFIG_DIR, "readOnly": True}],
    )
    return workloads.pod(
        [collector],
        service_account=settings.name,
        uid=pods.DEFAULT_UID,
        volumes=[{"name": "config", "configMap": {"name": settings.name}}],
        api_access=True,  # k8s_attributes watches pods
        scheduling=settings.scheduling,
    )


def collector_manifests(args: OtelCollectorArgs, settings: OtelCollectorSettings) -> list[Manifest]:
    """All objects of a Collector, what others need first."""
    namespace = args.namespace
    labels = recommended("otel-collector", settings.name, Role.COLLECTOR, settings.version)
    meta = metadata(settings.name, labels, namespace=namespace)
    config = collector_config(settings)
    prefix = f"{PART_OF}:"
    role = (
        f"{prefix}{namespace}:{settings.name}"
        if isinstance(namespace, str)
        else pulumi.Output.concat(prefix, namespace, ":", settings.name)
    )
    return [
        workloads.service_account(meta),
        cluster_objects.cluster_role(role, labels, _RULES),
        cluster_objects.cluster_role_binding(role, labels, account=settings.name, namespace=namespace),
        workloads.config_map(meta, {"config.yaml": to_yaml(config)}),
        *arrangements.replicated(
            meta,
            selected=selector("otel-collector", settings.name),
            pod_spec=_pod(args, settings),
            replicas=settings.replicas,
            scheduling=settings.scheduling,
            ports={"otlp-grpc": (OTLP_GRPC_PORT, "grpc"), "otlp-http": (OTLP_HTTP_PORT, "http")},
            pod_labels=args.mesh.labels_of_pods(meshed=settings.meshed),
            pod_annotations={
                Annotation.CONFIG_CHECKSUM.value: checksum(config),
                **args.mesh.annotations_of_pods(meshed=settings.meshed),
            },
        ),
    ]


_RULES: Final = (
    {"apiGroups": [""], "resources": ["pods", "namespaces"], "verbs": ["get", "list", "watch"]},
    {"apiGroups": ["apps"], "resources": ["replicasets"], "verbs": ["get", "list", "watch"]},
)
"""What k8s_attributes needs to name a pod's namespace, Deployment and node; nothing more."""


class OtelCollector(Component):
    """Collectors that take OTLP, add what Kubernetes knows of the sender and pass traces and metrics on.

    Attributes:
        otlp_grpc_url: that takes OTLP over gRPC, as OTEL_EXPORTER_OTLP_ENDPOINT wants it.
        otlp_http_url: that takes OTLP over HTTP.

    Raises:
        InvalidSettingsError: the settings are wrong.
    """

    TYPE: ClassVar[str] = "OtelCollector"

    otlp_grpc_url: pulumi.Output[str]
    otlp_http_url: pulumi.Output[str]

    def __init__(self, name: str, args: OtelCollectorArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        settings = parse(OtelCollectorSettings, args.settings)
        super().__init__(name, opts)
        self.children(collector_manifests(args, settings))
        host = self.host(settings.name, args.namespace)
        self.otlp_grpc_url = pulumi.Output.concat("http://", host, f":{OTLP_GRPC_PORT}")
        self.otlp_http_url = pulumi.Output.concat("http://", host, f":{OTLP_HTTP_PORT}")
        self.register_outputs({"otlp_grpc_url": self.otlp_grpc_url, "otlp_http_url": self.otlp_http_url})
