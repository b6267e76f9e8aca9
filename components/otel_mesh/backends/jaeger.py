"""Jaeger v2: stores traces and serves the query page and API."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Final

import pulumi
from pydantic import Field, model_validator

from otel_mesh.backends.jaeger_store import CassandraStore, SearchStore  # noqa: TC001 - pydantic reads them at run time
from otel_mesh.core import versions
from otel_mesh.core.errors import InvalidSettingsError, Problem, parse
from otel_mesh.core.labels import Role
from otel_mesh.core.network import OTLP_GRPC_PORT, OTLP_HTTP_PORT, service_host
from otel_mesh.core.outputs import ImageInput  # noqa: TC001 - pydantic reads it at run time
from otel_mesh.core.values import DnsLabel, LabelValue, Replicas, Retention, Settings, hours
from otel_mesh.k8s.component import Component
from otel_mesh.k8s.containers import (
    Container,
    ContainerPort,
    Probes,
    config_volume,
    data_volume,
    http_check,
    temporary_files,
)
from otel_mesh.k8s.known import when_known
from otel_mesh.k8s.manifests import Manifest, to_yaml
from otel_mesh.k8s.render import render
from otel_mesh.k8s.resources import Resources, Storage
from otel_mesh.k8s.scheduling import Scheduling
from otel_mesh.k8s.workload import DeploymentShape, Workload
from otel_mesh.mesh.binding import MeshBinding, NoMesh

if TYPE_CHECKING:
    from typing import Self

QUERY_PORT: Final = 16686
METRICS_PORT: Final = 8888
_HEALTH_PORT: Final = 13133
_ANY: Final = "0.0.0.0"  # noqa: S104 - inside a pod: probes, Services and port-forwards all have to reach it
_CONFIG_DIR: Final = "/etc/jaeger"
_DATA_DIR: Final = "/var/lib/jaeger"
_STORE: Final = "main"


_STORES: Final = ("elasticsearch", "opensearch", "cassandra")
"""Kinds of distributed stores: settings, and names in Jaeger's configuration."""


class JaegerSettings(Settings):
    """Settings of a `Jaeger`.

    Attributes:
        name: Name of the Kubernetes objects.
        image: Container image whose entry point is Jaeger v2.
        version: Version of Jaeger in the image, used as a label.
        resources: Resource requests and limits of the container.
        replicas: Number of pods; more than one only with a distributed store.
        scheduling: Placement of the pods.
        storage: Storage of the traces: ``ephemeral`` in memory, ``persistent`` in Badger on a volume.
        elasticsearch: Elasticsearch cluster that stores the traces in place of ``storage``.
        opensearch: OpenSearch cluster that stores the traces in place of ``storage``.
        cassandra: Cassandra cluster that stores the traces in place of ``storage``.
        max_traces: Number of traces in memory; beyond it the oldest are dropped. Choose it together with ``resources``.
        retention: Time that Badger keeps spans.
        meshed: Whether the pod joins the mesh. It does not by default: people and tools outside the mesh query it, and
            it has to answer when the mesh itself fails.
    """

    QUERY_PORT: ClassVar[int] = QUERY_PORT
    """Port of its query API, and of its web page."""
    METRICS_PORT: ClassVar[int] = METRICS_PORT
    """Port of its metrics."""

    name: DnsLabel = "jaeger"
    image: ImageInput = versions.JAEGER_IMAGE
    version: LabelValue = versions.JAEGER
    resources: Resources = Resources(cpu="50m", memory="128Mi", memory_limit="512Mi")
    replicas: Replicas = 1
    scheduling: Scheduling = Scheduling()
    storage: Storage = Storage()
    elasticsearch: SearchStore | None = None
    opensearch: SearchStore | None = None
    cassandra: CassandraStore | None = None
    max_traces: int = Field(default=10_000, ge=100, le=10_000_000)
    retention: Retention = "7d"
    meshed: bool = False

    @model_validator(mode="after")
    def _bound_fits_the_storage(self) -> Self:
        if self.distributed:
            return self
        kind, useless = ("persistent", "max_traces") if self.storage.persistent else ("ephemeral", "retention")
        problems = []
        if useless in self.model_fields_set:
            reason = f"has no effect on {kind} storage"
            problems.append(Problem(useless, reason, "remove it, or change 'storage'"))
        if self.replicas > 1:
            reason = "more than one pod cannot share storage of its own"
            problems.append(Problem("replicas", reason, f"set one of {', '.join(_STORES)}, or 1"))
        if problems:
            raise InvalidSettingsError(problems)
        return self

    @model_validator(mode="after")
    def _one_store(self) -> Self:
        first, *others = [*self.distributed, ""]
        problems = [Problem(name, f"'{first}' is set too", "set one store") for name in others if name]
        if first:
            problems += [
                Problem(name, f"has no effect beside '{first}'", "remove it")
                for name in ("storage", "max_traces", "retention")
                if name in self.model_fields_set
            ]
        if problems:
            raise InvalidSettingsError(problems)
        self.scheduling.require_drainable(self.replicas)
        return self

    @property
    def distributed(self) -> dict[str, SearchStore | CassandraStore]:
        """The distributed store by the name of its kind; empty for storage of Jaeger's own."""
        return {name: store for name in _STORES if (store := getattr(self, name)) is not None}

    def metrics_target(self, namespace: str) -> str:
        """``host:port`` of the program's own metrics in Prometheus' format."""
        return f"{service_host(self.name, namespace)}:{METRICS_PORT}"


@dataclass(frozen=True, kw_only=True)
class JaegerArgs:
    """Arguments of a `Jaeger`.

    Attributes:
        namespace: Namespace of the Kubernetes objects.
        settings: Settings, or a mapping of their fields.
        mesh: Mesh that the namespace belongs to.
    """

    namespace: pulumi.Input[str]
    settings: JaegerSettings = field(default_factory=JaegerSettings)
    mesh: MeshBinding = field(default_factory=NoMesh)


def jaeger_config(settings: JaegerSettings) -> dict[str, Any]:
    """The program's configuration, in the format of the OpenTelemetry Collector, which Jaeger v2 is built on."""
    if settings.distributed:
        backend: dict[str, Any] = {name: store.config() for name, store in settings.distributed.items()}
    elif settings.storage.persistent:
        backend = {
            "badger": {
                "directories": {"keys": f"{_DATA_DIR}/keys", "values": f"{_DATA_DIR}/values"},
                "ephemeral": False,
                "ttl": {"spans": f"{hours(settings.retention)}h"},
            }
        }
    else:
        backend = {"memory": {"max_traces": settings.max_traces}}
    return {
        "service": {
            "extensions": ["jaeger_storage", "jaeger_query", "healthcheckv2"],
            "pipelines": {
                "traces": {"receivers": ["otlp"], "processors": ["batch"], "exporters": ["jaeger_storage_exporter"]}
            },
            "telemetry": {
                "resource": {"service.name": settings.name},
                "metrics": {
                    "readers": [{"pull": {"exporter": {"prometheus": {"host": _ANY, "port": METRICS_PORT}}}}],
                },
            },
        },
        "extensions": {
            "healthcheckv2": {"use_v2": True, "http": {"endpoint": f"{_ANY}:{_HEALTH_PORT}"}},
            "jaeger_query": {
                "storage": {"traces": _STORE},
                "http": {"endpoint": f"{_ANY}:{QUERY_PORT}"},
                # traces of queries would be listed among those of the services. They would also delay the shutdown
                # by 10 s: Jaeger sends them to itself when its receiver is already closed
                "enable_tracing": False,
            },
            "jaeger_storage": {"backends": {_STORE: backend}},
        },
        "receivers": {
            "otlp": {
                "protocols": {
                    "grpc": {"endpoint": f"{_ANY}:{OTLP_GRPC_PORT}"},
                    "http": {"endpoint": f"{_ANY}:{OTLP_HTTP_PORT}"},
                }
            }
        },
        # a single writer fills whole batches; after 100 ms a trace can be read
        "processors": {"batch": {"timeout": "100ms"}},
        "exporters": {"jaeger_storage_exporter": {"trace_storage": _STORE}},
    }


def _container(settings: JaegerSettings) -> Container:
    access = [store.access() for store in settings.distributed.values()]
    data = [] if access else [data_volume("data", settings.storage, settings.name, _DATA_DIR)]
    return Container(
        name="jaeger",
        image=settings.image,
        args=(f"--config=file:{_CONFIG_DIR}/config.yaml",),
        env={
            "GOMEMLIMIT": settings.resources.go_memory_limit(),
            **{name: key for one in access for name, key in one.environment.items()},
        },
        ports=(
            ContainerPort(name="otlp-grpc", number=OTLP_GRPC_PORT, protocol="grpc"),
            ContainerPort(name="otlp-http", number=OTLP_HTTP_PORT, protocol="http"),
            ContainerPort(name="http-query", number=QUERY_PORT, protocol="http"),
            ContainerPort(name="http-metrics", number=METRICS_PORT, protocol="http"),
            ContainerPort(name="health", number=_HEALTH_PORT),
        ),
        probes=Probes(live=http_check("/status", "health")),
        resources=settings.resources,
        volumes=(
            config_volume("config", settings.name, _CONFIG_DIR),
            *data,
            *(volume for one in access for volume in one.volumes),
            temporary_files(),
        ),
    )


def jaeger_manifests(args: JaegerArgs, settings: JaegerSettings) -> list[Manifest]:
    """The Kubernetes objects of a Jaeger, dependencies first."""
    return render(
        Workload(
            name=settings.name,
            namespace=args.namespace,
            program="jaeger",
            role=Role.TRACES,
            version=settings.version,
            containers=(_container(settings),),
            shape=DeploymentShape(replicas=settings.replicas, disruption_budget=bool(settings.distributed)),
            scheduling=settings.scheduling,
            files={"config.yaml": when_known(settings, lambda known: to_yaml(jaeger_config(known)))},
            pod_labels=args.mesh.labels_of_pods(meshed=settings.meshed),
            pod_annotations=args.mesh.annotations_of_pods(meshed=settings.meshed),
        )
    )


class Jaeger(Component):
    """A Jaeger that receives traces by OTLP, stores them and serves the query page and API.

    Attributes:
        otlp_target: ``host:port`` of the OTLP receiver (gRPC).
        query_url: URL of the query page and API.
        metrics_target: ``host:port`` of the program's own metrics in Prometheus' format.

    Raises:
        InvalidSettingsError: The settings are invalid.
    """

    TYPE: ClassVar[str] = "Jaeger"

    otlp_target: pulumi.Output[str]
    query_url: pulumi.Output[str]
    metrics_target: pulumi.Output[str]

    def __init__(self, name: str, args: JaegerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        settings = parse(JaegerSettings, args.settings)
        super().__init__(name, opts)
        self.children(jaeger_manifests(args, settings))
        host = self.host(settings.name, args.namespace)
        self.otlp_target = pulumi.Output.concat(host, f":{OTLP_GRPC_PORT}")
        self.query_url = pulumi.Output.concat("http://", host, f":{QUERY_PORT}")
        self.metrics_target = pulumi.Output.concat(host, f":{METRICS_PORT}")
        self.register_outputs(
            {
                "otlp_target": self.otlp_target,
                "query_url": self.query_url,
                "metrics_target": self.metrics_target,
            }
        )
