"""Prometheus: stores metrics received by OTLP, and scrapes programs that cannot push."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - a component plugin reads it at run time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final

import pulumi
from pydantic import Field

from otel_mesh.backends.prometheus.alerting import AlertmanagerAddress, alerting_config, alerting_volumes
from otel_mesh.backends.prometheus.objectives import Objectives, objective_rules
from otel_mesh.backends.prometheus.proxies import PROXY_READER_RULES, proxies_job
from otel_mesh.backends.prometheus.remote_write import RemoteWrite, remote_write_config, remote_write_volumes
from otel_mesh.backends.prometheus.rules import SUFFIX, with_own
from otel_mesh.core import versions
from otel_mesh.core.errors import parse
from otel_mesh.core.labels import Role
from otel_mesh.core.outputs import ImageInput  # noqa: TC001 - pydantic reads it at run time
from otel_mesh.core.values import (
    DnsLabel,
    Duration,
    LabelValue,
    Quantity,
    Retention,
    Settings,
    quantity,
)
from otel_mesh.k8s import cluster_objects
from otel_mesh.k8s.component import Component
from otel_mesh.k8s.containers import (
    Container,
    ContainerPort,
    Probes,
    config_volume,
    data_volume,
    http_check,
    shared_volume,
)
from otel_mesh.k8s.known import when_known
from otel_mesh.k8s.manifests import Manifest, to_yaml
from otel_mesh.k8s.render import render
from otel_mesh.k8s.resources import Resources, Storage
from otel_mesh.k8s.scheduling import Scheduling
from otel_mesh.k8s.workload import Workload
from otel_mesh.mesh.binding import MeshBinding, NoMesh

if TYPE_CHECKING:
    from otel_mesh.mesh.binding import ProxyScraping

PORT: Final = 9090
_CONFIG_DIR: Final = "/etc/prometheus"
_SHARED_DIR: Final = "/etc/prometheus-shared"
_DATA_DIR: Final = "/var/lib/prometheus"
_RELOAD_INTERVAL: Final = "15s"
_FILL_SHARE: Final = 0.8

PROMOTED_ATTRIBUTES: Final = (
    "service.name",
    "service.namespace",
    "service.version",
    "deployment.environment.name",
    "k8s.cluster.name",
    "k8s.namespace.name",
    "k8s.deployment.name",
    "k8s.node.name",
    "k8s.pod.name",
)
"""Resource attributes that become labels of every pushed series.

These are common grouping keys; all others stay in ``target_info``. ``service.instance.id`` is the label ``instance``
already, and the pod's uid and start time would add nothing to its name.
"""


ReceiverName = Annotated[DnsLabel, Field(max_length=40)]
"""Name of a receiver of remote write, part of the names of volumes."""


class PrometheusSettings(Settings):
    """Settings of a `Prometheus`.

    Attributes:
        name: Name of the Kubernetes objects.
        image: Container image whose entry point is Prometheus.
        version: Version of Prometheus in the image, used as a label.
        resources: Resource requests and limits of the container.
        scheduling: Placement of the pod.
        storage: Storage of the series; four fifths of its size are used for blocks.
        retention: Time that series are kept.
        scrape_interval: Interval of scrapes and of the evaluation of rules.
        out_of_order_window: Maximum delay of pushed samples; covers a Collector's queue after an outage.
        external_labels: Labels added to all data that leaves this Prometheus.
        remote_write: Receivers that all series are sent to, by name.
        proxy_sample_limit: Number of series that one proxy of the mesh may have: with Istio about twenty for each
            caller and five for each callee. Above it the proxy is not scraped at all, and an alert fires.
        objectives: Service level objectives of the exposed services; alerts watch their error budgets.
        meshed: Whether the pod joins the mesh. It does not by default: it scrapes the proxies, people and tools outside
            the mesh query it, and it has to answer when the mesh itself fails.
    """

    QUERY_PORT: ClassVar[int] = PORT
    """Port of its query API, and of its web page."""

    name: DnsLabel = "prometheus"
    image: ImageInput = versions.PROMETHEUS_IMAGE
    version: LabelValue = versions.PROMETHEUS
    resources: Resources = Resources(cpu="50m", memory="256Mi", memory_limit="1Gi")
    scheduling: Scheduling = Scheduling()
    storage: Storage = Storage(size="2Gi")
    retention: Retention = "7d"
    scrape_interval: Duration = "15s"
    out_of_order_window: Duration = "30m"
    external_labels: dict[str, str] = Field(default_factory=dict)
    remote_write: dict[ReceiverName, RemoteWrite] = Field(default_factory=dict)
    proxy_sample_limit: Annotated[int, Field(ge=100, le=1_000_000)] = 5000
    objectives: Objectives = Objectives()
    meshed: bool = False


@dataclass(frozen=True, kw_only=True)
class PrometheusArgs:
    """Arguments of a `Prometheus`.

    Attributes:
        namespace: Namespace of the Kubernetes objects.
        targets: Further scrape targets, job to ``host:port``. As long as one of them, or an address in the settings, is
            an Output without a value, a preview shows the configuration and its checksum as unknown.
        exposed: Values of ``job`` of the exposed services, which the objectives apply to: ``shop/api-gateway``.
        rules: Further rule files, name to text; a name ends in ``.rules.yaml``.
        alertmanager: Where firing alerts are sent; None: nowhere, they are shown on the page only.
        shared_rules: Name of a ConfigMap of the namespace with rule files of other stacks; None for none. Prometheus
            follows its changes without a restart, and keeps the last valid rules where a file is invalid.
        settings: Settings, or a mapping of their fields.
        mesh: Mesh that the namespace belongs to.
    """

    namespace: pulumi.Input[str]
    targets: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    exposed: tuple[str, ...] = ()
    rules: dict[str, str] = field(default_factory=dict)
    alertmanager: AlertmanagerAddress | None = None
    shared_rules: str | None = None
    settings: PrometheusSettings = field(default_factory=PrometheusSettings)
    mesh: MeshBinding = field(default_factory=NoMesh)


def prometheus_config(
    settings: PrometheusSettings,
    targets: Mapping[str, str],
    proxies: ProxyScraping | None = None,
    alertmanager: AlertmanagerAddress | None = None,
    *,
    shared_rules: bool = False,
) -> dict[str, Any]:
    """The program's configuration (``promtool check config`` reads it in a test).

    Args:
        settings: Settings of the Prometheus.
        targets: Further scrape targets, job to ``host:port``.
        proxies: Scraping of the mesh's proxies; None if they are not scraped.
        alertmanager: Where firing alerts are sent; None for nowhere.
        shared_rules: Whether there are rule files of other stacks.
    """
    folders = (_CONFIG_DIR, *([_SHARED_DIR] if shared_rules else []))
    jobs = {"prometheus": f"localhost:{PORT}", **targets}
    static = [{"job_name": job, "static_configs": [{"targets": [target]}]} for job, target in sorted(jobs.items())]
    return {
        "global": {
            "scrape_interval": settings.scrape_interval,
            "evaluation_interval": settings.scrape_interval,
            "external_labels": dict(settings.external_labels),
        },
        **({"alerting": alerting_config(alertmanager)} if alertmanager else {}),
        "rule_files": [f"{folder}/*{SUFFIX}" for folder in folders],
        "otlp": {
            "promote_resource_attributes": list(PROMOTED_ATTRIBUTES),
            # keeps service.name and service.instance.id in target_info, in addition to job and instance
            "keep_identifying_resource_attributes": True,
        },
        "storage": {"tsdb": {"out_of_order_time_window": settings.out_of_order_window}},
        **({"remote_write": remote_write_config(settings.remote_write)} if settings.remote_write else {}),
        "scrape_configs": [*static, *([proxies_job(proxies, settings.proxy_sample_limit)] if proxies else [])],
    }


def _arguments(settings: PrometheusSettings, *, reloads: bool) -> list[str]:
    reloading = ["--enable-feature=auto-reload-config", f"--config.auto-reload-interval={_RELOAD_INTERVAL}"]
    return [
        f"--config.file={_CONFIG_DIR}/prometheus.yml",
        f"--storage.tsdb.path={_DATA_DIR}",
        f"--storage.tsdb.retention.time={settings.retention}",
        f"--storage.tsdb.retention.size={_retained_bytes(settings.storage.size)}",
        f"--web.listen-address=:{PORT}",
        "--web.enable-otlp-receiver",
        "--enable-feature=exemplar-storage",
        *(reloading if reloads else []),
    ]


def _retained_bytes(size: Quantity) -> str:
    """Size limit of the blocks; the rest of the volume is for the write-ahead log and compactions."""
    return f"{int(float(quantity(size)) * _FILL_SHARE) // 2**20}MB"


def _container(
    settings: PrometheusSettings, alertmanager: AlertmanagerAddress | None, shared_rules: str | None
) -> Container:
    shared = [shared_volume("shared-rules", shared_rules, _SHARED_DIR)] if shared_rules else []
    ready = http_check("/-/ready", "http")
    return Container(
        name="prometheus",
        image=settings.image,
        args=tuple(_arguments(settings, reloads=shared_rules is not None)),
        env={"GOMEMLIMIT": settings.resources.go_memory_limit()},
        ports=(ContainerPort(name="http", number=PORT, protocol="http"),),
        # replaying the write-ahead log of a full disk may take minutes
        probes=Probes(live=http_check("/-/healthy", "http"), ready=ready, start=ready, start_seconds=300),
        resources=settings.resources,
        volumes=(
            config_volume("config", settings.name, _CONFIG_DIR),
            *shared,
            data_volume("data", settings.storage, settings.name, _DATA_DIR),
            *remote_write_volumes(settings.remote_write),
            *alerting_volumes(alertmanager),
        ),
    )


def prometheus_manifests(args: PrometheusArgs, settings: PrometheusSettings) -> list[Manifest]:
    """All objects of a Prometheus, dependencies first.

    Only if the mesh's proxies are scraped, the pod gets a token for the API server, to discover them.

    Raises:
        InvalidSettingsError: The name of a rule file does not end in ``.rules.yaml``, or is used twice.
    """
    proxies = args.mesh.proxy_scraping

    def config(known: tuple[PrometheusSettings, Mapping[str, Any], dict[str, AlertmanagerAddress | None]]) -> str:
        own, targets, alerts = known
        shared = args.shared_rules is not None
        return to_yaml(prometheus_config(own, targets, proxies, shared_rules=shared, **alerts))

    workload = Workload(
        name=settings.name,
        namespace=args.namespace,
        program="prometheus",
        role=Role.METRICS,
        version=settings.version,
        containers=(_container(settings, args.alertmanager, args.shared_rules),),
        scheduling=settings.scheduling,
        api_access=proxies is not None,
        files={
            "prometheus.yml": when_known((settings, args.targets, {"alertmanager": args.alertmanager}), config),
            **with_own(args.rules),
            **objective_rules(settings.objectives, args.exposed),
        },
        pod_labels=args.mesh.labels_of_pods(meshed=settings.meshed),
        pod_annotations=args.mesh.annotations_of_pods(meshed=settings.meshed),
    )
    access = cluster_objects.access(workload, PROXY_READER_RULES) if proxies else []
    return [*access, *render(workload)]


class Prometheus(Component):
    """One Prometheus that receives metrics by OTLP over HTTP, with exemplars and late samples.

    Attributes:
        url: URL of the page and the API.
        otlp_url: Base URL of the OTLP receiver (HTTP); metrics go to ``/v1/metrics`` below it.

    Raises:
        InvalidSettingsError: The settings are invalid, or the name of a rule file is.
    """

    TYPE: ClassVar[str] = "Prometheus"

    url: pulumi.Output[str]
    otlp_url: pulumi.Output[str]

    def __init__(self, name: str, args: PrometheusArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        settings = parse(PrometheusSettings, args.settings)
        super().__init__(name, opts)
        self.children(prometheus_manifests(args, settings))
        self.url = pulumi.Output.concat("http://", self.host(settings.name, args.namespace), f":{PORT}")
        self.otlp_url = pulumi.Output.concat(self.url, "/api/v1/otlp")
        self.register_outputs({"url": self.url, "otlp_url": self.otlp_url})
