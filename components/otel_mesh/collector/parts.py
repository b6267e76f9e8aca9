"""What the configurations and pods of all our Collectors share, whatever they are for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pydantic import Field, model_validator

from otel_mesh.collector.service_graph import ServiceGraph, with_service_graph
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
"""Environment variable of a Collector: ``host:port`` that takes traces by OTLP over gRPC."""
METRICS_ENDPOINT: Final = "METRICS_ENDPOINT"
"""Environment variable of a Collector: base URL that takes metrics by OTLP over HTTP."""
LOGS_ENDPOINT: Final = "LOGS_ENDPOINT"
"""Environment variable of a Collector: the whole address that takes logs by OTLP over HTTP."""

CONFIG_DIR: Final = "/etc/otel-collector"
ANY: Final = "0.0.0.0"  # noqa: S104 - inside a pod: probes, Services and port-forwards all have to reach it


class Batching(Settings):
    """How the Collector's exporters gather what they send.

    Attributes:
        size: items (spans, data points) that make a batch.
        timeout: after which a smaller batch leaves.
        queue_size: items held for a backend that doesn't answer; above it senders are told to try again.
    """

    size: int = Field(default=1024, ge=1, le=100_000)
    timeout: Duration = "10s"
    queue_size: int = Field(default=50_000, ge=1000, le=10_000_000)

    @model_validator(mode="after")
    def _a_batch_fits_the_queue(self) -> Self:
        if self.size > self.queue_size:
            raise InvalidSettingsError([Problem("queue_size", "holds less than one batch", "raise it or lower 'size'")])
        return self


class CollectorProgram(Settings):
    """Settings of every Collector.

    Attributes:
        name: of its objects.
        image: with the Collector as its entry point.
        version: of the program in the image, as a label.
        replicas: how many pods.
        resources: of each container.
        scheduling: where its pods run.
        cluster_name: value of ``k8s.cluster.name``, which Kubernetes itself doesn't know.
        batching: of the exporters.
        memory_limit_percentage: of the container's memory at which senders are told to wait.
        metrics_interval_seconds: how often the Collector's own metrics are sent, and the service map's.
        service_graph: how calls are counted where traces are whole; see `otel_mesh.collector.service_graph`.
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

    The queue is bounded and in memory: it survives an outage of the backend, not the pod's own end.
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
        # no end to retries: what is queued must survive a long outage, and the queue's size bounds it
        "retry_on_failure": {"enabled": True, "initial_interval": "1s", "max_interval": "30s", "max_elapsed_time": 0},
    }


def memory_limiter(settings: CollectorProgram) -> dict[str, Any]:
    """The first processor of every pipeline: senders are told to wait before the kernel ends the program."""
    return {
        "check_interval": "1s",
        "limit_percentage": settings.memory_limit_percentage,
        "spike_limit_percentage": settings.memory_limit_percentage // 4,
    }


def health_check() -> dict[str, Any]:
    """The extension that answers the pod's probes."""
    return {"health_check": {"endpoint": f"{ANY}:{HEALTH_PORT}"}}


def to_metric_store(settings: CollectorProgram) -> dict[str, Any]:
    """The exporter of metrics."""
    return {"otlp_http/metrics": {"endpoint": f"${{env:{METRICS_ENDPOINT}}}", **exporting(settings.batching)}}


def counting_calls(config: Mapping[str, Any], settings: CollectorProgram, *, proxied: bool) -> dict[str, Any]:
    """The configuration of a Collector that sees whole traces, with the service map.

    Args:
        config: without it.
        settings: of the Collector.
        proxied: whether the services' calls go through proxies that make spans too.
    """
    return with_service_graph(
        config,
        settings.service_graph,
        identity=_identity(settings),
        flush_seconds=settings.metrics_interval_seconds,
        proxied=proxied,
    )


def _identity(settings: CollectorProgram) -> dict[str, str]:
    """Resource attributes of what a pod of the Collector says of its own."""
    return {
        "service.name": settings.name,
        "service.instance.id": "${env:POD_UID}",
        "k8s.pod.name": "${env:POD_NAME}",
        "k8s.namespace.name": "${env:POD_NAMESPACE}",
        "k8s.node.name": "${env:NODE_NAME}",
        "k8s.deployment.name": settings.name,
        "k8s.cluster.name": settings.cluster_name,
    }


def own_telemetry(settings: CollectorProgram) -> dict[str, Any]:
    """A Collector's own metrics go straight to the metric store.

    Not through its own pipelines, which may be what is failing; pushed, because with several replicas behind one
    Service a scrape would reach one of them at random.
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
