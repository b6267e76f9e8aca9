"""VictoriaLogs: keeps logs that are pushed by OTLP, to be found by service, by what they say, and by trace."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Final

import pulumi
from pydantic import Field, model_validator

from otel_mesh.backends.log_queries import STREAM_FIELDS
from otel_mesh.core import versions
from otel_mesh.core.component import Component
from otel_mesh.core.errors import InvalidSettingsError, Problem, parse
from otel_mesh.core.labels import Role
from otel_mesh.core.network import service_host
from otel_mesh.core.values import DnsLabel, ImageReference, LabelValue, Quantity, Retention, Settings, hours, quantity
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
"""Path of the page on which people ask it."""
OTLP_PATH: Final = f"/insert/opentelemetry/v1/logs?_stream_fields={','.join(STREAM_FIELDS)}"
"""Where it takes OTLP over HTTP. What tells streams apart is said here, so that no sender has to know of it."""

_DATA_DIR: Final = "/var/lib/victoria-logs"
_SHORTEST_RETENTION_HOURS: Final = 24
_SHARE_OF_VOLUME: Final = 0.8
"""Of ``storage.size``, as far as nothing else is said: upstream asks for a fifth of the disk to merge in."""
_MIN_FREE_BYTES: Final = 64 * 2**20
"""Below it nothing more is taken. Upstream's 10 MB are written in less than the second between two looks; a write that
finds no room ends the program."""


class VictoriaLogsSettings(Settings):
    """Settings of a `VictoriaLogs`.

    Attributes:
        name: of its objects.
        image: with VictoriaLogs as its entry point.
        version: of the program in the image, as a label.
        resources: of its container.
        scheduling: where its pod runs.
        storage: where lines are kept. Where its disk has less than 64 MiB free, lines are refused and a Collector's
            queue holds them; questions are still answered.
        retention: how long lines are kept, at least a day. Whole days (UTC) are deleted; older lines are not taken.
        max_disk_usage: bytes on disk above which the oldest days are deleted before their time; by default four fifths
            of ``storage.size``. Today and yesterday always stay, so that both have to fit.
        flush_interval_seconds: how long lines may be in memory only. A pod that is ended in order writes them; one that
            is killed (out of memory, a lost node) loses lines of this time that Collectors were told it had taken.
        meshed: whether its pod joins the mesh. Not by default: people and tools outside the mesh ask it, and it has to
            answer just when the mesh is what fails.
    """

    name: DnsLabel = "victoria-logs"
    image: ImageReference = versions.VICTORIA_LOGS_IMAGE
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
            problems.append(Problem("retention", "is less than the day that is deleted at a time", "raise it"))
        if self.max_disk_usage is not None and quantity(self.max_disk_usage) > quantity(self.storage.size):
            reason = f"is more than the volume's {self.storage.size}"
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
        namespace: where its objects live.
        settings: or a mapping that becomes one.
        mesh: that the namespace belongs to.
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
        # a record without a body says nothing, rather than that it says nothing
        "-defaultMsgValue=",
        # the doors between the nodes of a cluster, which this is not
        "-internalinsert.disable",
        "-internalselect.disable",
        # or any page in the browser of somebody who can reach it could read the logs
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
        # it listens once the parts of all days are open, and goes on answering queries when the disk is full
        probes=Probes(live=http_check("/health", "http"), start_seconds=300),
        resources=settings.resources,
        volumes=(data_volume("data", settings.storage, settings.name, _DATA_DIR),),
    )


def victoria_logs_manifests(args: VictoriaLogsArgs, settings: VictoriaLogsSettings) -> list[Manifest]:
    """All objects of a VictoriaLogs, dependencies first."""
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
    """One VictoriaLogs that takes logs by OTLP over HTTP and finds them by trace.

    Attributes:
        url: of the API; the page is at ``/select/vmui/`` below it.
        otlp_url: the whole address that takes OTLP over HTTP.
        metrics_target: ``host:port`` of its own metrics in Prometheus' format.

    Raises:
        InvalidSettingsError: the settings are wrong.
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
