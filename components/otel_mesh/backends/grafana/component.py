"""Grafana: dashboards from files, with links between metrics, traces and logs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Final

import pulumi

from otel_mesh.backends.grafana import config, dashboards
from otel_mesh.backends.grafana.config import CONFIG_DIR, DASHBOARD_DIR, DATA_DIR, HTTP_PORT
from otel_mesh.catalog import log_queries
from otel_mesh.core import versions
from otel_mesh.core.errors import InvalidSettingsError, Problem, parse
from otel_mesh.core.labels import Role
from otel_mesh.core.network import service_host
from otel_mesh.core.outputs import ImageInput, NameInput  # noqa: TC001 - pydantic reads them at run time
from otel_mesh.core.values import DnsLabel, HttpUrl, LabelValue, PluginReference, Settings
from otel_mesh.k8s.component import Component
from otel_mesh.k8s.containers import (
    Container,
    ContainerPort,
    Probes,
    config_volume,
    http_check,
    scratch_volume,
    shared_volume,
)
from otel_mesh.k8s.manifests import Manifest, to_yaml
from otel_mesh.k8s.passwords import (
    PASSWORD_KEY,
    created_secret,
    password_file,
    password_volume,
    require_one_password,
    secret_name,
)
from otel_mesh.k8s.render import render
from otel_mesh.k8s.resources import Resources
from otel_mesh.k8s.scheduling import Scheduling
from otel_mesh.k8s.workload import Workload
from otel_mesh.mesh.binding import MeshBinding, NoMesh

if TYPE_CHECKING:
    from collections.abc import Mapping

PORT: Final = HTTP_PORT
_UID: Final = 472
_CONFIG_MAP_BYTES: Final = 2**20
"""Maximum size of a ConfigMap's data."""
_CREDENTIALS: Final = "credentials"
"""Name of the volume with the password."""


class GrafanaSettings(Settings):
    """Settings of a `Grafana`.

    Nothing is stored: data sources and dashboards are provisioned, and changes made in the page are lost with the pod.

    Attributes:
        name: Name of the Kubernetes objects.
        image: Container image whose entry point is Grafana, running as uid 472.
        version: Version of Grafana in the image, used as a label.
        resources: Resource requests and limits of the container.
        scheduling: Placement of the pod.
        admin_user: Name of the only account.
        existing_secret: Name of an existing Secret with the key ``password``; None if the password is an argument. A
            changed password takes effect at the next start.
        anonymous: Whether the page can be viewed without logging in.
        root_url: URL of the page as browsers see it, if a proxy in front of it changes the URL.
        logs_plugin: Plugin for the log backend: ``id@version`` is fetched from grafana.com when the pod starts,
            ``id@version@url`` from that URL; None if the image has it. Metrics and traces work without it.
        meshed: Whether the pod joins the mesh. It does not by default: browsers and the backends are outside the mesh,
            and it has to answer when the mesh itself fails.
    """

    QUERY_PORT: ClassVar[int] = PORT
    """Port of its query API, and of its web page."""

    name: DnsLabel = "grafana"
    image: ImageInput = versions.GRAFANA_IMAGE
    version: LabelValue = versions.GRAFANA
    resources: Resources = Resources(cpu="50m", memory="192Mi", memory_limit="512Mi")
    scheduling: Scheduling = Scheduling()
    admin_user: LabelValue = "admin"
    existing_secret: NameInput | None = None
    anonymous: bool = False
    root_url: HttpUrl | None = None
    logs_plugin: PluginReference | None = f"{log_queries.SOURCE_TYPE}@{versions.GRAFANA_LOGS_PLUGIN}"
    meshed: bool = False

    @property
    def secret_name(self) -> pulumi.Input[str]:
        """Name of the Secret with the password: the existing one, or the component's own."""
        return secret_name(self.name, self.existing_secret)

    def metrics_target(self, namespace: str) -> str:
        """``host:port`` of the program's own metrics in Prometheus' format."""
        return f"{service_host(self.name, namespace)}:{PORT}"


@dataclass(frozen=True, kw_only=True)
class GrafanaArgs:
    """Arguments of a `Grafana`.

    Attributes:
        namespace: Namespace of the Kubernetes objects.
        prometheus_url: URL of Prometheus.
        jaeger_url: URL of Jaeger's query API.
        logs_url: URL of VictoriaLogs; None without a log backend.
        admin_password: Password of the account, a secret output; None if ``settings.existing_secret`` is set.
        dashboards: Further dashboards, file name (``orders.json``) to JSON. Together with the library's they have to
            fit into one ConfigMap.
        shared_dashboards: Name of a ConfigMap of the namespace with dashboards of other stacks; None for none. Grafana
            follows its changes without a restart.
        settings: Settings, or a mapping of their fields.
        mesh: Mesh that the namespace belongs to.
    """

    namespace: pulumi.Input[str]
    prometheus_url: pulumi.Input[str]
    jaeger_url: pulumi.Input[str]
    logs_url: pulumi.Input[str] | None = None
    admin_password: pulumi.Input[str] | None = None
    dashboards: dict[str, str] = field(default_factory=dict)
    shared_dashboards: str | None = None
    settings: GrafanaSettings = field(default_factory=GrafanaSettings)
    mesh: MeshBinding = field(default_factory=NoMesh)


def _files(args: GrafanaArgs, settings: GrafanaSettings) -> dict[str, str]:
    """All files below `CONFIG_DIR`, path to text.

    Raises:
        InvalidSettingsError: A further dashboard is invalid, or all dashboards together are too large.
    """
    folder = DASHBOARD_DIR.rpartition("/")[2]
    logs = args.logs_url is not None
    files = {
        "grafana.ini": config.ini(
            admin_user=settings.admin_user,
            password_file=password_file(settings.secret_name, _CREDENTIALS),
            anonymous=settings.anonymous,
            root_url=settings.root_url,
            plugin=settings.logs_plugin if logs else None,
        ),
        "provisioning/datasources/otel-mesh.yaml": to_yaml(config.datasources(logs=logs)),
        "provisioning/dashboards/otel-mesh.yaml": to_yaml(
            config.dashboard_provider(shared=args.shared_dashboards is not None)
        ),
        **{f"{folder}/{name}": text for name, text in dashboards.with_own(args.dashboards).items()},
    }
    size = sum(len(path.encode()) + len(text.encode()) for path, text in files.items())
    if size > _CONFIG_MAP_BYTES:
        reason = f"are {size} bytes with what belongs to them, more than the {_CONFIG_MAP_BYTES} of a ConfigMap"
        problem = Problem("dashboards", reason, "leave some out, or let a Grafana of its own show them")
        raise InvalidSettingsError([problem])
    return files


def _container(args: GrafanaArgs, settings: GrafanaSettings, files: Mapping[str, str]) -> Container:
    urls: dict[str, pulumi.Input[str]] = {
        config.PROMETHEUS_URL: args.prometheus_url,
        config.JAEGER_URL: args.jaeger_url,
    }
    if args.logs_url is not None:
        urls[config.LOGS_URL] = args.logs_url
    shared = args.shared_dashboards
    return Container(
        name="grafana",
        image=settings.image,
        env={**urls, "GOMEMLIMIT": settings.resources.go_memory_limit()},
        ports=(ContainerPort(name="http", number=PORT, protocol="http"),),
        # the first start creates the database
        probes=Probes(live=http_check("/api/health", "http"), start_seconds=120),
        resources=settings.resources,
        volumes=(
            config_volume("config", settings.name, CONFIG_DIR, files),
            password_volume(_CREDENTIALS, settings.secret_name),
            *([shared_volume("shared-dashboards", shared, config.SHARED_DASHBOARD_DIR)] if shared else []),
            # a plugin, with programs for several platforms, is downloaded to /tmp and unpacked to the data directory
            scratch_volume("data", DATA_DIR, "1Gi"),
            scratch_volume("tmp", "/tmp", "1Gi"),  # noqa: S108 - a volume of the pod
        ),
    )


def grafana_manifests(args: GrafanaArgs, settings: GrafanaSettings) -> list[Manifest]:
    """The Kubernetes objects of a Grafana, dependencies first.

    Raises:
        InvalidSettingsError: Not exactly one password is set, or a dashboard is invalid.
    """
    require_one_password(args.admin_password, settings.existing_secret)
    password = args.admin_password
    files = _files(args, settings)
    return render(
        Workload(
            name=settings.name,
            namespace=args.namespace,
            program="grafana",
            role=Role.DASHBOARDS,
            version=settings.version,
            containers=(_container(args, settings, files),),  # a single pod: each pod has sessions of its own
            scheduling=settings.scheduling,
            uid=_UID,
            files=files,
            secrets={} if password is None else {created_secret(settings.name): {PASSWORD_KEY: password}},
            pod_labels=args.mesh.labels_of_pods(meshed=settings.meshed),
            pod_annotations=args.mesh.annotations_of_pods(meshed=settings.meshed),
        )
    )


class Grafana(Component):
    """One Grafana with its data sources and dashboards.

    Attributes:
        url: URL of the page and the API.
        secret_name: Name of the Secret with the key ``password``, in the same namespace.
        metrics_target: ``host:port`` of the program's own metrics in Prometheus' format.

    Raises:
        InvalidSettingsError: The settings are invalid, not exactly one password is set, or a dashboard is invalid.
    """

    TYPE: ClassVar[str] = "Grafana"

    url: pulumi.Output[str]
    secret_name: pulumi.Output[str]
    metrics_target: pulumi.Output[str]

    def __init__(self, name: str, args: GrafanaArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        settings = parse(GrafanaSettings, args.settings)
        manifests = grafana_manifests(args, settings)
        super().__init__(name, opts)
        self.children(manifests)
        host = self.host(settings.name, args.namespace)
        self.url = pulumi.Output.concat("http://", host, f":{PORT}")
        self.secret_name = pulumi.Output.from_input(settings.secret_name)
        self.metrics_target = pulumi.Output.concat(host, f":{PORT}")
        self.register_outputs({"url": self.url, "secret_name": self.secret_name, "metrics_target": self.metrics_target})
