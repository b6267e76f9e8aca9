"""Loki: keeps logs that are pushed by OTLP, to be found by service, by what they say, and by trace."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Final

import pulumi
from pydantic import Field, model_validator

from otel_mesh import arrangements, pods, versions, workloads
from otel_mesh.component import Component
from otel_mesh.labels import Role, recommended, selector
from otel_mesh.manifests import Manifest, metadata, to_yaml
from otel_mesh.mesh import MeshBinding, NoMesh
from otel_mesh.problems import InvalidSettingsError, Problem, parse
from otel_mesh.scheduling import Scheduling
from otel_mesh.sizing import Resources, Storage
from otel_mesh.values import (
    AttributeName,
    DnsLabel,
    ImageReference,
    LabelValue,
    Retention,
    Settings,
    hours,
    quantity,
)

if TYPE_CHECKING:
    from typing import Self

PORT: Final = 3100
_GRPC_PORT: Final = 9095
_LOOPBACK: Final = "127.0.0.1"
_CONFIG_DIR: Final = "/etc/loki"
_DATA_DIR: Final = "/var/lib/loki"
_SHORTEST_RETENTION_HOURS: Final = 24
_SERVICE_NAME: Final = "service.name"
_MIB: Final = 2**20

INDEX_LABELS: Final = (
    _SERVICE_NAME,
    "service.namespace",
    "deployment.environment.name",
    "k8s.cluster.name",
    "k8s.namespace.name",
)
"""Resource attributes that become labels of the index, with underscores for dots (``service_name``).

Each combination of their values is a stream of its own, in memory and on disk. What tells pods or instances apart is
not among them: every rollout would begin streams anew. It is kept with each line, as all other attributes and the ids
of trace and span are: ``{service_name="x"} | trace_id="..."`` finds a line by them.
"""

_MESSAGE_BYTES: Final = 64 * _MIB
"""Largest message between the parts of the program: above the largest push and the largest answer to a question."""

_BURST: Final = 4
"""How many seconds' worth may come at once: the backlog of an outage, and never less than one of a Collector's batches,
which would be refused for ever."""

_REPLAY_SHARE: Final = 0.4
_CHUNK_CACHE_SHARE: Final = 0.1
_ANSWER_CACHE_SHARE: Final = 0.02
"""Of the container's memory: the write-ahead log at a start, chunks that were read, and answers (four such caches)."""


class LokiSettings(Settings):
    """Settings of a `Loki`.

    Attributes:
        name: of its objects.
        image: with Loki as its entry point.
        version: of the program in the image, as a label.
        resources: of its container.
        scheduling: where its pod runs.
        storage: where lines are kept. Nothing but ``retention`` bounds what lies there; where the disk is full, lines
            are refused, and a Collector's queue holds them.
        retention: how long lines are kept, at least a day.
        index_labels: resource attributes that become labels of the index; all others are kept with each line.
        max_streams: combinations of the labels' values that are written to at a time; lines of others are refused.
        megabytes_per_second: of lines with their attributes; what is above is refused until later.
        meshed: whether its pod joins the mesh. Not by default: people and tools outside the mesh ask it, and it has to
            answer just when the mesh is what fails.
    """

    name: DnsLabel = "loki"
    image: ImageReference = versions.LOKI_IMAGE
    version: LabelValue = versions.LOKI
    resources: Resources = Resources(cpu="50m", memory="192Mi", memory_limit="1Gi")
    scheduling: Scheduling = Scheduling()
    storage: Storage = Storage(size="2Gi")
    retention: Retention = "7d"
    index_labels: tuple[AttributeName, ...] = Field(default=INDEX_LABELS, min_length=1, max_length=10)
    max_streams: int = Field(default=1000, ge=10, le=1_000_000)
    megabytes_per_second: int = Field(default=8, ge=1, le=1000)
    meshed: bool = False

    @model_validator(mode="after")
    def _usable(self) -> Self:
        problems = []
        if hours(self.retention) < _SHORTEST_RETENTION_HOURS:
            problems.append(Problem("retention", "is less than the day that a part of the index covers", "raise it"))
        if _SERVICE_NAME not in self.index_labels:
            reason = f"{_SERVICE_NAME} is not among them, which every question begins with"
            problems.append(Problem("index_labels", reason, "add it"))
        if problems:
            raise InvalidSettingsError(problems)
        return self


@dataclass(frozen=True, kw_only=True)
class LokiArgs:
    """Arguments of a `Loki`.

    Attributes:
        namespace: where its objects live.
        settings: or a mapping that becomes one.
        mesh: that the namespace belongs to.
    """

    namespace: pulumi.Input[str]
    settings: LokiSettings = field(default_factory=LokiSettings)
    mesh: MeshBinding = field(default_factory=NoMesh)


def loki_config(settings: LokiSettings) -> dict[str, Any]:
    """The program's configuration (``loki -verify-config`` reads it in a test)."""
    return {
        "auth_enabled": False,
        "analytics": {"reporting_enabled": False},
        "server": {
            "http_listen_port": PORT,
            # its parts talk to each other only, without credentials: from outside the pod nobody has to
            "grpc_listen_address": _LOOPBACK,
            "grpc_listen_port": _GRPC_PORT,
            "grpc_server_max_recv_msg_size": _MESSAGE_BYTES,
            "grpc_server_max_send_msg_size": _MESSAGE_BYTES,
            "graceful_shutdown_timeout": "10s",
            "log_format": "json",
        },
        "common": {
            "path_prefix": _DATA_DIR,
            "instance_addr": _LOOPBACK,
            "replication_factor": 1,
            "ring": {"kvstore": {"store": "inmemory"}},
        },
        # found by address at once, rather than by a ring that is looked at every ten seconds
        "frontend": {"scheduler_address": f"{_LOOPBACK}:{_GRPC_PORT}"},
        "frontend_worker": {"scheduler_address": f"{_LOOPBACK}:{_GRPC_PORT}"},
        "storage_config": {"filesystem": {"directory": f"{_DATA_DIR}/chunks"}},
        "schema_config": {
            "configs": [
                {
                    # how lines of that day and later are stored: another way is a further entry, or they are lost
                    "from": "2024-04-01",
                    "store": "tsdb",
                    "object_store": "filesystem",
                    "schema": "v13",
                    "index": {"prefix": "index_", "period": "24h"},
                }
            ]
        },
        "ingester": {
            # one instance waits for no others
            "lifecycler": {"min_ready_duration": "0s"},
            "wal": {"replay_memory_ceiling": f"{_share_mb(settings, _REPLAY_SHARE)}MB", "disk_full_threshold": 0.97},
        },
        "chunk_store_config": {"chunk_cache_config": _cache(_share_mb(settings, _CHUNK_CACHE_SHARE))},
        "query_range": {"results_cache": {"cache": _cache(_share_mb(settings, _ANSWER_CACHE_SHARE))}},
        "compactor": {"retention_enabled": True, "delete_request_store": "filesystem"},
        "limits_config": _limits(settings),
    }


def _limits(settings: LokiSettings) -> dict[str, Any]:
    rate, retention = settings.megabytes_per_second, f"{hours(settings.retention)}h"
    return {
        "retention_period": retention,
        "max_query_lookback": retention,
        "allow_structured_metadata": True,
        "otlp_config": {
            "resource_attributes": {
                "ignore_defaults": True,
                "attributes_config": [{"action": "index_label", "attributes": list(settings.index_labels)}],
            }
        },
        "max_global_streams_per_user": settings.max_streams,
        "ingestion_rate_mb": rate,
        "ingestion_burst_size_mb": _BURST * rate,
        # all pods of a service write one stream, so that it may take all that comes
        "per_stream_rate_limit": f"{rate}MB",
        "per_stream_rate_limit_burst": f"{_BURST * rate}MB",
        # for many ingesters; here it would only add a label, and streams, to what is written much
        "shard_streams": {"enabled": False},
        # a line that is too long is better cut than missing
        "max_line_size_truncate": True,
    }


def _cache(size_mb: int) -> dict[str, Any]:
    return {"embedded_cache": {"enabled": True, "max_size_mb": size_mb}}


def _share_mb(settings: LokiSettings, share: float) -> int:
    """A share of the container's memory in MiB."""
    return max(1, int(float(quantity(settings.resources.memory_limit)) * share) // _MIB)


def _container(settings: LokiSettings) -> dict[str, Any]:
    return workloads.container(
        "loki",
        settings.image,
        args=[f"-config.file={_CONFIG_DIR}/loki.yaml", "-target=all"],
        env=pods.env({"GOMEMLIMIT": settings.resources.go_memory_limit()}),
        ports=pods.ports({"http": PORT}),
        # replaying the write-ahead log may take minutes
        startupProbe=pods.http_probe("/ready", "http", period=1, failures=300),
        livenessProbe=pods.http_probe("/loki/api/v1/status/buildinfo", "http", period=10, failures=3),
        readinessProbe=pods.http_probe("/ready", "http", period=5, failures=2),
        resources=settings.resources.manifest(),
    )


def loki_manifests(
    settings: LokiSettings, namespace: pulumi.Input[str], mesh: MeshBinding | None = None
) -> list[Manifest]:
    """All objects of a Loki, what others need first."""
    mesh = mesh or NoMesh()
    labels = recommended("loki", settings.name, Role.LOGS, settings.version)
    return arrangements.store(
        metadata(settings.name, labels, namespace=namespace),
        settings=settings,
        selected=selector("loki", settings.name),
        container=_container(settings),
        files={"loki.yaml": to_yaml(loki_config(settings))},
        config_dir=_CONFIG_DIR,
        data_dir=_DATA_DIR,
        ports={"http": (PORT, "http")},
        # without it nothing is ever deleted: what is too old is listed there first
        scratch={"tmp": "/tmp"},  # noqa: S108 - a volume of the pod's own
        pod_labels=mesh.labels_of_pods(meshed=settings.meshed),
        pod_annotations=mesh.annotations_of_pods(meshed=settings.meshed),
    )


class Loki(Component):
    """One Loki that takes logs by OTLP over HTTP and finds them by trace.

    Attributes:
        url: of the API.
        otlp_url: base URL that takes OTLP over HTTP (``/v1/logs`` below it).
        metrics_target: ``host:port`` of its own metrics in Prometheus' format.

    Raises:
        InvalidSettingsError: the settings are wrong.
    """

    TYPE: ClassVar[str] = "Loki"

    url: pulumi.Output[str]
    otlp_url: pulumi.Output[str]
    metrics_target: pulumi.Output[str]

    def __init__(self, name: str, args: LokiArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        settings = parse(LokiSettings, args.settings)
        super().__init__(name, opts)
        self.children(loki_manifests(settings, args.namespace, args.mesh))
        self.metrics_target = pulumi.Output.concat(self.host(settings.name, args.namespace), f":{PORT}")
        self.url = pulumi.Output.concat("http://", self.metrics_target)
        self.otlp_url = pulumi.Output.concat(self.url, "/otlp")
        self.register_outputs({"url": self.url, "otlp_url": self.otlp_url, "metrics_target": self.metrics_target})
