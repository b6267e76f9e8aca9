"""Parts of the configuration and the pod that all Collectors share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pydantic import Field, model_validator

from otel_mesh.collector.exports import (
    SIGNALS,
    Export,
    ExportName,
    Signal,
    chosen,
    exporters,
    metric_readers,
    secret_environment,
    tls_volumes,
)
from otel_mesh.collector.pipelines import CollectorConfig, Exporter, Extension, Processor, Stage
from otel_mesh.collector.queueing import Batching, exporting, queue_storage, queue_volumes
from otel_mesh.collector.service_graph import TAP, ServiceGraph, service_graph_pipelines
from otel_mesh.core import versions
from otel_mesh.core.errors import InvalidSettingsError, Problem, join_path
from otel_mesh.core.labels import Annotation
from otel_mesh.core.outputs import ImageInput  # noqa: TC001 - pydantic reads it at run time
from otel_mesh.core.values import DnsLabel, LabelValue, Replicas, Settings
from otel_mesh.k8s.containers import POD_FIELDS, Container, ContainerPort, Probes, config_volume, http_check
from otel_mesh.k8s.known import then
from otel_mesh.k8s.manifests import checksum, to_yaml
from otel_mesh.k8s.resources import Resources, Storage
from otel_mesh.k8s.scheduling import Scheduling
from otel_mesh.k8s.workload import DeploymentShape, StatefulSetShape, Workload

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Self

    import pulumi

    from otel_mesh.core.labels import Role
    from otel_mesh.mesh.binding import MeshBinding, ProxySpans

HEALTH_PORT: Final = 13133
TRACES_ENDPOINT: Final = "TRACES_ENDPOINT"
"""Environment variable of a Collector: ``host:port`` of the trace backend's OTLP receiver (gRPC)."""
METRICS_ENDPOINT: Final = "METRICS_ENDPOINT"
"""Environment variable of a Collector: base URL of the metrics backend's OTLP receiver (HTTP)."""
LOGS_ENDPOINT: Final = "LOGS_ENDPOINT"
"""Environment variable of a Collector: complete URL of the log backend's OTLP receiver (HTTP)."""

CONFIG_DIR: Final = "/etc/otel-collector"
ANY: Final = "0.0.0.0"  # noqa: S104 - inside a pod: probes, Services and port-forwards all have to reach it


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
        storage: Storage of the exporters' queues: ``ephemeral`` in memory, ``persistent`` on a volume of each pod,
            where queued data survives the end of the pod.
        exports: Further OTLP endpoints that telemetry is sent to, by name.
        memory_limit_percentage: Share of the container's memory limit at which senders are told to wait, in percent.
        metrics_interval_seconds: Interval at which the Collector's own metrics and the service graph are sent.
        service_graph: Counting of calls from spans; see `otel_mesh.collector.service_graph`.
        meshed: Whether the pods join the mesh.
    """

    name: DnsLabel
    image: ImageInput = versions.COLLECTOR_IMAGE
    version: LabelValue = versions.COLLECTOR
    replicas: Replicas = 2
    resources: Resources = Resources(cpu="100m", memory="128Mi", memory_limit="512Mi")
    scheduling: Scheduling = Scheduling()
    cluster_name: LabelValue = "kubernetes"
    batching: Batching = Batching()
    storage: Storage = Storage(size="2Gi")
    exports: dict[ExportName, Export] = Field(default_factory=dict)
    memory_limit_percentage: int = Field(default=75, ge=10, le=90)
    metrics_interval_seconds: int = Field(default=60, ge=1, le=3600)
    service_graph: ServiceGraph = ServiceGraph()
    meshed: bool = True

    @model_validator(mode="after")
    def _drained_in_parts(self) -> Self:
        self.scheduling.require_drainable(self.replicas)
        return self

    @model_validator(mode="after")
    def _exports_and_queue(self) -> Self:
        problems = [
            Problem(join_path("exports", name), "is the name of the Collector's own exporter", "choose another name")
            for name in SIGNALS
            if name in self.exports
        ]
        sized = "storage" in self.model_fields_set and "size" in self.storage.model_fields_set
        if sized and not self.storage.persistent:
            remedy = "remove it, or set storage.kind to persistent"
            problems.append(Problem("storage.size", "has no effect on queues in memory", remedy))
        if problems:
            raise InvalidSettingsError(problems)
        return self


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


def empty_config(settings: CollectorProgram, *, own_metrics: bool) -> CollectorConfig:
    """A configuration without pipelines: the health check that the pod's probes ask, and the Collector's own telemetry.

    Args:
        settings: Settings of the Collector.
        own_metrics: Whether metrics go to the backend at ``METRICS_ENDPOINT``.
    """
    health_check = Extension("health_check", {"endpoint": f"{ANY}:{HEALTH_PORT}"})
    telemetry = _own_telemetry(settings, own_metrics=own_metrics)
    return CollectorConfig(health_check, telemetry, queue_storage(settings.storage))


def no_metrics(settings: CollectorProgram, own: object) -> list[Problem]:
    """The problem of a Collector whose metrics have no destination.

    Args:
        settings: Settings of the Collector.
        own: URL of the stack's own metrics backend; None without one.
    """
    if own is not None or chosen(settings.exports, ["metrics"]):
        return []
    return [Problem("metrics_url", "is not set, and no export has metrics", "set it, or export metrics")]


def exporters_of(settings: CollectorProgram, signal: Signal, own: Exporter | None = None) -> tuple[Exporter, ...]:
    """The exporters of one signal: to the stack's own backend, and to the endpoints outside.

    Args:
        settings: Settings of the Collector.
        signal: Kind of telemetry.
        own: Exporter to the stack's own backend; None without one.
    """
    return (*([own] if own else []), *exporters(settings.exports, signal, settings.batching, settings.storage))


def metrics_exporters(settings: CollectorProgram, *, own: bool) -> tuple[Exporter, ...]:
    """The exporters of metrics.

    Args:
        settings: Settings of the Collector.
        own: Whether metrics go to the backend at ``METRICS_ENDPOINT``.
    """
    fields = {"endpoint": f"${{env:{METRICS_ENDPOINT}}}", **exporting(settings.batching, settings.storage)}
    return exporters_of(settings, "metrics", Exporter("otlp_http/metrics", fields) if own else None)


def to_trace_backend(settings: CollectorProgram) -> Exporter:
    """The exporter of traces to the backend at ``TRACES_ENDPOINT``."""
    fields = {"endpoint": f"${{env:{TRACES_ENDPOINT}}}", "tls": {"insecure": True}}
    return Exporter("otlp_grpc/traces", {**fields, **exporting(settings.batching, settings.storage)})


def add_service_graph(
    config: CollectorConfig, settings: CollectorProgram, *, proxy_spans: ProxySpans, own_metrics: bool
) -> None:
    """Counts the calls among the spans of the pipeline ``traces``.

    Args:
        config: Configuration of a Collector that receives whole traces.
        settings: Settings of the Collector.
        proxy_spans: Kind of the mesh's proxies, if they make spans of the services' calls; else empty.
        own_metrics: Whether metrics go to the backend at ``METRICS_ENDPOINT``.
    """
    config.extend("traces", destinations=(TAP,))
    config.add(
        service_graph_pipelines(
            settings.service_graph,
            metrics_exporters(settings, own=own_metrics),
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
        f"k8s.{'statefulset' if settings.storage.persistent else 'deployment'}.name": settings.name,
        "k8s.cluster.name": settings.cluster_name,
    }


def _own_telemetry(settings: CollectorProgram, *, own_metrics: bool) -> dict[str, Any]:
    """The Collector's own metrics and logs.

    The metrics go straight to the metrics backends: not through the Collector's own pipelines, which may be failing,
    and not by scraping, which would reach one of several replicas behind a Service at random.
    """
    interval = 1000 * settings.metrics_interval_seconds
    otlp = {"protocol": "http/protobuf", "endpoint": f"${{env:{METRICS_ENDPOINT}}}/v1/metrics"}
    own = [{"periodic": {"interval": interval, "exporter": {"otlp": otlp}}}] if own_metrics else []
    return {
        "resource": {"attributes": [{"name": name, "value": value} for name, value in _identity(settings).items()]},
        "metrics": {"level": "normal", "readers": [*own, *metric_readers(settings.exports, interval)]},
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
    config: pulumi.Input[dict[str, Any]],
    environment: Mapping[str, pulumi.Input[str]],
    ports: tuple[ContainerPort, ...],
    exported: Iterable[Signal] = SIGNALS,
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
        exported: Kinds of telemetry that go to the endpoints outside.
        api_access: Whether the Collector asks the API server.
        headless: Whether the Service's name resolves to the pods' addresses.
    """
    used = chosen(settings.exports, exported)
    container = Container(
        name="otel-collector",
        image=settings.image,
        args=(f"--config=file:{CONFIG_DIR}/config.yaml",),
        pod_fields=_POD_FIELDS,
        env={**environment, "GOMEMLIMIT": settings.resources.go_memory_limit(), **secret_environment(used)},
        ports=(*ports, ContainerPort(name="health", number=HEALTH_PORT)),
        probes=Probes(live=http_check("/", "health")),
        resources=settings.resources,
        volumes=(
            config_volume("config", settings.name, CONFIG_DIR),
            *tls_volumes(used),
            *queue_volumes(settings.storage),
        ),
    )
    shape = StatefulSetShape if settings.storage.persistent else DeploymentShape
    return Workload(
        name=settings.name,
        namespace=namespace,
        program=program,
        role=role,
        version=settings.version,
        containers=(container,),
        shape=shape(replicas=settings.replicas, disruption_budget=True),
        scheduling=settings.scheduling,
        api_access=api_access,
        files={"config.yaml": then(config, to_yaml)},
        pod_labels=mesh.labels_of_pods(meshed=settings.meshed),
        pod_annotations={
            # of the mapping, not of the file: a reordered configuration rolls no pods
            Annotation.CONFIG_CHECKSUM.value: then(config, checksum),
            **mesh.annotations_of_pods(meshed=settings.meshed),
        },
        app_protocols=mesh.app_protocols,
        headless=headless,
    )
