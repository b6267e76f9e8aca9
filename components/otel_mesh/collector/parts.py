"""Parts of the configuration and the pod that all Collectors share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pydantic import Field, model_validator

from otel_mesh.collector.pipelines import CollectorConfig, Exporter, Extension, Processor, Stage
from otel_mesh.collector.service_graph import TAP, ServiceGraph, service_graph_pipelines
from otel_mesh.core import versions
from otel_mesh.core.errors import InvalidSettingsError, Problem
from otel_mesh.core.labels import Annotation
from otel_mesh.core.values import DnsLabel, Duration, ImageReference, LabelValue, Replicas, Settings
from otel_mesh.k8s.containers import POD_FIELDS, Container, ContainerPort, Probes, config_volume, http_check
from otel_mesh.k8s.manifests import checksum, to_yaml
from otel_mesh.k8s.resources import Resources
from otel_mesh.k8s.scheduling import Scheduling
from otel_mesh.k8s.workload import DeploymentShape, Workload

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    import pulumi

    from otel_mesh.core.labels import Role
    from otel_mesh.mesh.binding import MeshBinding

HEALTH_PORT: Final = 13133
TRACES_ENDPOINT: Final = "TRACES_ENDPOINT"
"""Environment variable of a Collector: ``host:port`` of the trace backend's OTLP receiver (gRPC)."""
METRICS_ENDPOINT: Final = "METRICS_ENDPOINT"
"""Environment variable of a Collector: base URL of the metrics backend's OTLP receiver (HTTP)."""
LOGS_ENDPOINT: Final = "LOGS_ENDPOINT"
"""Environment variable of a Collector: complete URL of the log backend's OTLP receiver (HTTP)."""

CONFIG_DIR: Final = "/etc/otel-collector"
ANY: Final = "0.0.0.0"  # noqa: S104 - inside a pod: probes, Services and port-forwards all have to reach it


class Batching(Settings):
    """Batching and queueing of the Collector's exporters.

    Attributes:
        size: Number of items (spans, data points, log records) that fill a batch.
        timeout: Time after which an incomplete batch is sent.
        queue_size: Number of items queued while a backend does not answer. When the queue is full, senders are told to
            retry.
    """

    size: int = Field(default=1024, ge=1, le=100_000)
    timeout: Duration = "10s"
    queue_size: int = Field(default=50_000, ge=1000, le=10_000_000)

    @model_validator(mode="after")
    def _a_batch_fits_the_queue(self) -> Self:
        if self.size > self.queue_size:
            raise InvalidSettingsError([Problem("queue_size", "is smaller than one batch", "raise it or lower 'size'")])
        return self


class CollectorProgram(Settings):
    """Settings of every Collector.

    Attributes:
        name: Name of the Kubernetes objects.
        image: Container image whose entry point is the Collector.
        version: Version of the Collector in the image, used as a label.
        replicas: Number of pods.
        resources: Resource requests and limits of each container.
        scheduling: Placement of the pods.
        cluster_name: Value of ``k8s.cluster.name``, which the Kubernetes API does not offer.
        batching: Batching and queueing of the exporters.
        memory_limit_percentage: Share of the container's memory limit at which senders are told to wait, in percent.
        metrics_interval_seconds: Interval at which the Collector's own metrics and the service graph are sent.
        service_graph: Counting of calls from spans; see `otel_mesh.collector.service_graph`.
        meshed: Whether the pods join the mesh.
    """

    name: DnsLabel
    image: ImageReference = versions.COLLECTOR_IMAGE
    version: LabelValue = versions.COLLECTOR
    replicas: Replicas = 2
    resources: Resources = Resources(cpu="100m", memory="128Mi", memory_limit="512Mi")
    scheduling: Scheduling = Scheduling()
    cluster_name: LabelValue = "kubernetes"
    batching: Batching = Batching()
    memory_limit_percentage: int = Field(default=75, ge=10, le=90)
    metrics_interval_seconds: int = Field(default=60, ge=1, le=3600)
    service_graph: ServiceGraph = ServiceGraph()
    meshed: bool = True

    @model_validator(mode="after")
    def _drained_in_parts(self) -> Self:
        self.scheduling.require_drainable(self.replicas)
        return self


def exporting(batching: Batching) -> dict[str, Any]:
    """Queue, batches and retries of an exporter.

    The queue is bounded and in memory: it survives an outage of the backend, but not the end of the pod.
    """
    return {
        "sending_queue": {
            "enabled": True,
            "sizer": "items",
            "queue_size": batching.queue_size,
            "batch": {
                "flush_timeout": batching.timeout,
                "min_size": batching.size,
                "max_size": 2 * batching.size,
            },
        },
        # retries never end: the queue has to survive a long outage, and its size bounds it
        "retry_on_failure": {"enabled": True, "initial_interval": "1s", "max_interval": "30s", "max_elapsed_time": 0},
    }


def memory_limiter(settings: CollectorProgram) -> Processor:
    """The first processor of every receiving pipeline: it makes senders wait before the kernel kills the Collector."""
    return Processor(
        "memory_limiter",
        {
            "check_interval": "1s",
            "limit_percentage": settings.memory_limit_percentage,
            "spike_limit_percentage": settings.memory_limit_percentage // 4,
        },
        Stage.LIMIT,
    )


def empty_config(settings: CollectorProgram) -> CollectorConfig:
    """A configuration without pipelines: the health check that the pod's probes ask, and the Collector's own telemetry.

    Args:
        settings: Settings of the Collector.
    """
    health_check = Extension("health_check", {"endpoint": f"{ANY}:{HEALTH_PORT}"})
    return CollectorConfig(health_check, _own_telemetry(settings))


def to_metrics_backend(settings: CollectorProgram) -> Exporter:
    """The exporter of metrics."""
    return Exporter("otlp_http/metrics", {"endpoint": f"${{env:{METRICS_ENDPOINT}}}", **exporting(settings.batching)})


def add_service_graph(config: CollectorConfig, settings: CollectorProgram, *, proxy_spans: bool) -> None:
    """Counts the calls among the spans of the pipeline ``traces``.

    Args:
        config: Configuration of a Collector that receives whole traces.
        settings: Settings of the Collector.
        proxy_spans: Whether the mesh's proxies make spans of the services' calls.
    """
    config.extend("traces", destinations=(TAP,))
    config.add(
        service_graph_pipelines(
            settings.service_graph,
            to_metrics_backend(settings),
            identity=_identity(settings),
            flush_seconds=settings.metrics_interval_seconds,
            proxy_spans=proxy_spans,
        )
    )


def _identity(settings: CollectorProgram) -> dict[str, str]:
    """Resource attributes of the metrics that a Collector's pod makes itself."""
    return {
        "service.name": settings.name,
        "service.instance.id": "${env:POD_UID}",
        "k8s.pod.name": "${env:POD_NAME}",
        "k8s.namespace.name": "${env:POD_NAMESPACE}",
        "k8s.node.name": "${env:NODE_NAME}",
        "k8s.deployment.name": settings.name,
        "k8s.cluster.name": settings.cluster_name,
    }


def _own_telemetry(settings: CollectorProgram) -> dict[str, Any]:
    """The Collector's own metrics and logs.

    The metrics go straight to the metrics backend: not through the Collector's own pipelines, which may be failing, and
    not by scraping, which would reach one of several replicas behind a Service at random.
    """
    return {
        "resource": {"attributes": [{"name": name, "value": value} for name, value in _identity(settings).items()]},
        "metrics": {
            "level": "normal",
            "readers": [
                {
                    "periodic": {
                        "interval": 1000 * settings.metrics_interval_seconds,
                        "exporter": {
                            "otlp": {
                                "protocol": "http/protobuf",
                                "endpoint": f"${{env:{METRICS_ENDPOINT}}}/v1/metrics",
                            }
                        },
                    }
                }
            ],
        },
        "logs": {"encoding": "json"},
    }


_POD_FIELDS: Final = {name: POD_FIELDS[name] for name in ("POD_NAME", "POD_UID", "POD_NAMESPACE", "NODE_NAME")}


def workload(  # noqa: PLR0913 - all by keyword
    settings: CollectorProgram,
    *,
    program: str,
    role: Role,
    namespace: pulumi.Input[str],
    mesh: MeshBinding,
    config: Mapping[str, Any],
    environment: Mapping[str, pulumi.Input[str]],
    ports: tuple[ContainerPort, ...],
    api_access: bool = False,
    headless: bool = False,
) -> Workload:
    """The workload of a Collector.

    Args:
        settings: Settings of the Collector.
        program: Name of the program, ``app.kubernetes.io/name``.
        role: Function of the program.
        namespace: Namespace of the objects.
        mesh: Mesh that the namespace belongs to.
        config: Configuration of the Collector.
        environment: Variables that the configuration refers to as ``${env:...}``, besides those of the pod.
        ports: Ports of the receivers.
        api_access: Whether the Collector asks the API server.
        headless: Whether the Service's name resolves to the pods' addresses.
    """
    container = Container(
        name="otel-collector",
        image=settings.image,
        args=(f"--config=file:{CONFIG_DIR}/config.yaml",),
        pod_fields=_POD_FIELDS,
        env={**environment, "GOMEMLIMIT": settings.resources.go_memory_limit()},
        ports=(*ports, ContainerPort(name="health", number=HEALTH_PORT)),
        probes=Probes(live=http_check("/", "health")),
        resources=settings.resources,
        volumes=(config_volume("config", settings.name, CONFIG_DIR),),
    )
    return Workload(
        name=settings.name,
        namespace=namespace,
        program=program,
        role=role,
        version=settings.version,
        containers=(container,),
        shape=DeploymentShape(replicas=settings.replicas, disruption_budget=True),
        scheduling=settings.scheduling,
        api_access=api_access,
        files={"config.yaml": to_yaml(config)},
        pod_labels=mesh.labels_of_pods(meshed=settings.meshed),
        pod_annotations={
            # of the mapping, not of the file: a reordered configuration rolls no pods
            Annotation.CONFIG_CHECKSUM.value: checksum(config),
            **mesh.annotations_of_pods(meshed=settings.meshed),
        },
        headless=headless,
    )
