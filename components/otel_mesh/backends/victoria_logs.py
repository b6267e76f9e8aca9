"""VictoriaLogs: stores logs received by OTLP; queries by service, by text and by trace."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Final

import pulumi
from pydantic import Field, model_validator

from otel_mesh.catalog.log_queries import STREAM_FIELDS
from otel_mesh.core import versions
from otel_mesh.core.errors import InvalidSettingsError, Problem, parse
from otel_mesh.core.labels import Role
from otel_mesh.core.network import service_host
from otel_mesh.core.outputs import ImageInput  # noqa: TC001 - pydantic reads it at run time
from otel_mesh.core.values import DnsLabel, LabelValue, Quantity, Retention, Settings, hours, quantity
from otel_mesh.k8s.component import Component
from otel_mesh.k8s.containers import Container, ContainerPort, Probes, data_volume, http_check
from otel_mesh.k8s.render import render
from otel_mesh.k8s.resources import Resources, Storage
from otel_mesh.k8s.scheduling import Scheduling
from otel_mesh.k8s.workload import Workload
from otel_mesh.mesh.binding import MeshBinding, NoMesh

if TYPE_CHECKING:
    from typing import Self

    from otel_mesh.k8s.manifests import Manifest

PORT: Final = 9428
PAGE: Final = "/select/vmui/"
"""Path of the query page."""
OTLP_PATH: Final = f"/insert/opentelemetry/v1/logs?_stream_fields={','.join(STREAM_FIELDS)}"
"""Path of the OTLP receiver (HTTP), with the stream fields, so that senders need not know them."""

_DATA_DIR: Final = "/var/lib/victoria-logs"
_SHORTEST_RETENTION_HOURS: Final = 24
_SHARE_OF_VOLUME: Final = 0.8
"""Default share of ``storage.size`` for data: merges need a fifth of the disk (upstream's advice)."""
_MIN_FREE_BYTES: Final = 64 * 2**20
"""Free space below which the program accepts no more lines. It checks once a second, in which more than upstream's
10 MB can be written, and a write to a full disk ends the program."""


class VictoriaLogsSettings(Settings):
    """Settings of a `VictoriaLogs`.

    Attributes:
        name: Name of the Kubernetes objects.
        image: Container image whose entry point is VictoriaLogs.
        version: Version of VictoriaLogs in the image, used as a label.
        resources: Resource requests and limits of the container.
        scheduling: Placement of the pod.
        storage: Storage of the lines. With less than 64 MiB free, lines are refused and wait in the Collectors' queues;
            queries are still answered.
        retention: Time that lines are kept, at least a day. Whole days (UTC) are deleted; older lines are refused.
        max_disk_usage: Bytes on disk above which the oldest days are deleted early; by default four fifths of
            ``storage.size``. Today and yesterday are never deleted, so that both have to fit.
        flush_interval_seconds: Time that accepted lines may be in memory only. A pod that is terminated in order writes
            them; a pod that is killed (out of memory, a lost node) loses them.
        meshed: Whether the pod joins the mesh. It does not by default: people and tools outside the mesh query it, and
            it has to answer when the mesh itself fails.
    """

    QUERY_PORT: ClassVar[int] = PORT
    """Port of its query API, and of its web page."""

    name: DnsLabel = "victoria-logs"
    image: ImageInput = versions.VICTORIA_LOGS_IMAGE
    version: LabelValue = versions.VICTORIA_LOGS
    resources: Resources = Resources(cpu="50m", memory="128Mi", memory_limit="512Mi")
    scheduling: Scheduling = Scheduling()
    storage: Storage = Storage(size="2Gi")
    retention: Retention = "7d"
    max_disk_usage: Quantity | None = None
    flush_interval_seconds: int = Field(default=1, ge=1, le=3600)
    meshed: bool = False

    @model_validator(mode="after")
    def _usable(self) -> Self:
        problems = []
        if hours(self.retention) < _SHORTEST_RETENTION_HOURS:
            problems.append(Problem("retention", "is less than a day, the unit of deletion", "set at least 1d"))
        if self.max_disk_usage is not None and quantity(self.max_disk_usage) > quantity(self.storage.size):
            reason = f"is more than the volume's size, {self.storage.size}"
            problems.append(Problem("max_disk_usage", reason, "lower it, or raise 'storage.size'"))
        if problems:
            raise InvalidSettingsError(problems)
        return self

    @property
    def disk_bytes(self) -> int:
        """Bytes on disk above which the oldest days are deleted."""
        if self.max_disk_usage is not None:
            return int(quantity(self.max_disk_usage))
        return int(float(quantity(self.storage.size)) * _SHARE_OF_VOLUME)

    def metrics_target(self, namespace: str) -> str:
        """``host:port`` of the program's own metrics in Prometheus' format."""
        return f"{service_host(self.name, namespace)}:{PORT}"


@dataclass(frozen=True, kw_only=True)
class VictoriaLogsArgs:
    """Arguments of a `VictoriaLogs`.

    Attributes:
        namespace: Namespace of the Kubernetes objects.
        settings: Settings, or a mapping of their fields.
        mesh: Mesh that the namespace belongs to.
    """

    namespace: pulumi.Input[str]
    settings: VictoriaLogsSettings = field(default_factory=VictoriaLogsSettings)
    mesh: MeshBinding = field(default_factory=NoMesh)


def victoria_logs_arguments(settings: VictoriaLogsSettings) -> list[str]:
    """The program's arguments, which are all of its configuration."""
    return [
        f"-httpListenAddr=:{PORT}",
        f"-storageDataPath={_DATA_DIR}",
        f"-retentionPeriod={hours(settings.retention)}h",
        f"-retention.maxDiskSpaceUsageBytes={settings.disk_bytes}",
        f"-storage.minFreeDiskSpaceBytes={_MIN_FREE_BYTES}",
        f"-inmemoryDataFlushInterval={settings.flush_interval_seconds}s",
        # a record without a body gets no placeholder text
        "-defaultMsgValue=",
        # the endpoints between the nodes of a VictoriaLogs cluster; this is a single node
        "-internalinsert.disable",
        "-internalselect.disable",
        # otherwise any web page in a browser that can reach the port could read the logs
        "-http.disableCORS",
        "-loggerFormat=json",
    ]


def _container(settings: VictoriaLogsSettings) -> Container:
    return Container(
        name="victoria-logs",
        image=settings.image,
        args=tuple(victoria_logs_arguments(settings)),
        env={"GOMEMLIMIT": settings.resources.go_memory_limit()},
        ports=(ContainerPort(name="http", number=PORT, protocol="http"),),
        # it listens once the parts of all days are open, and still answers queries when the disk is full
        probes=Probes(live=http_check("/health", "http"), start_seconds=300),
        resources=settings.resources,
        volumes=(data_volume("data", settings.storage, settings.name, _DATA_DIR),),
    )


def victoria_logs_manifests(args: VictoriaLogsArgs, settings: VictoriaLogsSettings) -> list[Manifest]:
    """The Kubernetes objects of a VictoriaLogs, dependencies first."""
    return render(
        Workload(
            name=settings.name,
            namespace=args.namespace,
            program="victoria-logs",
            role=Role.LOGS,
            version=settings.version,
            containers=(_container(settings),),
            scheduling=settings.scheduling,
            pod_labels=args.mesh.labels_of_pods(meshed=settings.meshed),
            pod_annotations=args.mesh.annotations_of_pods(meshed=settings.meshed),
        )
    )


class VictoriaLogs(Component):
    """One VictoriaLogs that receives logs by OTLP over HTTP and finds them by trace.

    Attributes:
        url: URL of the API; the query page is at ``/select/vmui/`` below it.
        otlp_url: Complete URL of the OTLP receiver (HTTP).
        metrics_target: ``host:port`` of the program's own metrics in Prometheus' format.

    Raises:
        InvalidSettingsError: The settings are invalid.
    """

    TYPE: ClassVar[str] = "VictoriaLogs"

    url: pulumi.Output[str]
    otlp_url: pulumi.Output[str]
    metrics_target: pulumi.Output[str]

    def __init__(self, name: str, args: VictoriaLogsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        settings = parse(VictoriaLogsSettings, args.settings)
        super().__init__(name, opts)
        self.children(victoria_logs_manifests(args, settings))
        self.metrics_target = pulumi.Output.concat(self.host(settings.name, args.namespace), f":{PORT}")
        self.url = pulumi.Output.concat("http://", self.metrics_target)
        self.otlp_url = pulumi.Output.concat(self.url, OTLP_PATH)
        self.register_outputs({"url": self.url, "otlp_url": self.otlp_url, "metrics_target": self.metrics_target})
