"""Grafana: shows metrics, traces and logs, each leading to the others, on dashboards that are files."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Final

import pulumi

from otel_mesh.backends import log_queries
from otel_mesh.backends.grafana import config, dashboards
from otel_mesh.backends.grafana.config import CONFIG_DIR, DASHBOARD_DIR, DATA_DIR, HTTP_PORT
from otel_mesh.core import versions
from otel_mesh.core.component import Component
from otel_mesh.core.errors import InvalidSettingsError, Problem, parse
from otel_mesh.core.labels import Annotation, Role, recommended, selector
from otel_mesh.core.values import DnsLabel, HttpUrl, ImageReference, LabelValue, ObjectName, PluginReference, Settings
from otel_mesh.k8s import pods, workloads
from otel_mesh.k8s.manifests import Manifest, checksum, metadata, to_yaml
from otel_mesh.k8s.resources import Resources
from otel_mesh.k8s.scheduling import Scheduling
from otel_mesh.mesh.binding import MeshBinding, NoMesh

if TYPE_CHECKING:
    from collections.abc import Mapping

PORT: Final = HTTP_PORT
PASSWORD_KEY: Final = "password"  # noqa: S105 - the key in the Secret, not its value
_UID: Final = 472
_SECRET_DIR: Final = "/etc/otel-mesh/secrets"  # noqa: S105 - a path
_CONFIG_MAP_BYTES: Final = 2**20
"""What Kubernetes takes as the data of one ConfigMap."""


class GrafanaSettings(Settings):
    """Settings of a `Grafana`.

    It keeps nothing: data sources and dashboards are provided, and what people save is gone with the pod.

    Attributes:
        name: of its objects.
        image: with Grafana as its entry point, running as uid 472.
        version: of the program in the image, as a label.
        resources: of its container.
        scheduling: where its pod runs.
        admin_user: name of the only account.
        existing_secret: name of a Secret with the key ``password``; None where the password is an argument. A changed
            password is taken at the next start.
        anonymous: whether everybody who reaches the page may look at it without logging in.
        root_url: of the page as browsers see it, where something in front of it changes that.
        logs_plugin: what shows the log store, ``id@version``, fetched from grafana.com when the pod starts, or
            ``id@version@url`` from a place of your own; None where the image has it. Metrics and traces are shown
            without it.
        meshed: whether its pod joins the mesh. Not by default: browsers come from outside the mesh, the stores that it
            asks are outside, and it has to answer just when the mesh is what fails.
    """

    name: DnsLabel = "grafana"
    image: ImageReference = versions.GRAFANA_IMAGE
    version: LabelValue = versions.GRAFANA
    resources: Resources = Resources(cpu="50m", memory="192Mi", memory_limit="512Mi")
    scheduling: Scheduling = Scheduling()
    admin_user: LabelValue = "admin"
    existing_secret: ObjectName | None = None
    anonymous: bool = False
    root_url: HttpUrl | None = None
    logs_plugin: PluginReference | None = f"{log_queries.SOURCE_TYPE}@{versions.GRAFANA_LOGS_PLUGIN}"
    meshed: bool = False

    @property
    def secret_name(self) -> str:
        """The Secret that holds the password: the existing one, or our own."""
        return self.existing_secret or f"{self.name}-credentials"


@dataclass(frozen=True, kw_only=True)
class GrafanaArgs:
    """Arguments of a `Grafana`.

    Attributes:
        namespace: where its objects live.
        prometheus_url: of the metric store.
        jaeger_url: of the trace store's query API.
        logs_url: of the log store; None without one.
        admin_password: a secret output. Left out where ``settings.existing_secret`` names a Secret.
        dashboards: further ones, name of the file (``orders.json``) to JSON; together with the library's own they have
            to fit into a ConfigMap.
        settings: or a mapping that becomes one.
        mesh: that the namespace belongs to.
    """

    namespace: pulumi.Input[str]
    prometheus_url: pulumi.Input[str]
    jaeger_url: pulumi.Input[str]
    logs_url: pulumi.Input[str] | None = None
    admin_password: pulumi.Input[str] | None = None
    dashboards: dict[str, str] = field(default_factory=dict)
    settings: GrafanaSettings = field(default_factory=GrafanaSettings)
    mesh: MeshBinding = field(default_factory=NoMesh)


def _files(args: GrafanaArgs, settings: GrafanaSettings) -> dict[str, str]:
    """All files below `CONFIG_DIR`, path to text.

    Raises:
        InvalidSettingsError: a further dashboard is none, or they are too large together.
    """
    folder = DASHBOARD_DIR.rpartition("/")[2]
    logs = args.logs_url is not None
    files = {
        "grafana.ini": config.ini(
            admin_user=settings.admin_user,
            password_file=f"{_SECRET_DIR}/{settings.secret_name}/{PASSWORD_KEY}",
            anonymous=settings.anonymous,
            root_url=settings.root_url,
            plugin=settings.logs_plugin if logs else None,
        ),
        "provisioning/datasources/otel-mesh.yaml": to_yaml(config.datasources(logs=logs)),
        "provisioning/dashboards/otel-mesh.yaml": to_yaml(config.dashboard_provider()),
        **{f"{folder}/{name}": text for name, text in dashboards.with_own(args.dashboards).items()},
    }
    size = sum(len(path.encode()) + len(text.encode()) for path, text in files.items())
    if size > _CONFIG_MAP_BYTES:
        reason = f"are {size} bytes with what belongs to them, more than the {_CONFIG_MAP_BYTES} of a ConfigMap"
        problem = Problem("dashboards", reason, "leave some out, or let a Grafana of its own show them")
        raise InvalidSettingsError([problem])
    return files


def _key(path: str) -> str:
    """A file's key in the ConfigMap, which may hold no slash."""
    return path.replace("/", "_")


def _container(args: GrafanaArgs, settings: GrafanaSettings, secret_dir: str) -> dict[str, Any]:
    urls: dict[str, pulumi.Input[str]] = {
        config.PROMETHEUS_URL: args.prometheus_url,
        config.JAEGER_URL: args.jaeger_url,
    }
    if args.logs_url is not None:
        urls[config.LOGS_URL] = args.logs_url
    return workloads.container(
        "grafana",
        settings.image,
        env=pods.env({**urls, "GOMEMLIMIT": settings.resources.go_memory_limit()}),
        ports=pods.ports({"http": PORT}),
        # the first start makes its database
        startupProbe=pods.http_probe("/api/health", "http", period=1, failures=120),
        livenessProbe=pods.http_probe("/api/health", "http", period=10, failures=3),
        readinessProbe=pods.http_probe("/api/health", "http", period=5, failures=2),
        resources=settings.resources.manifest(),
        volumeMounts=[
            {"name": "config", "mountPath": CONFIG_DIR, "readOnly": True},
            {"name": "credentials", "mountPath": secret_dir, "readOnly": True},
            {"name": "data", "mountPath": DATA_DIR},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - a volume of the pod's own
        ],
    )


def _pod(args: GrafanaArgs, settings: GrafanaSettings, paths: Mapping[str, str]) -> dict[str, Any]:
    # the plugin is unpacked into the one by way of the other, with a program for each machine
    scratch, _ = pods.scratch_volumes({"data": DATA_DIR, "tmp": "/tmp"}, size="1Gi")  # noqa: S108
    items = [{"key": _key(path), "path": path} for path in paths]
    return workloads.pod(
        [_container(args, settings, f"{_SECRET_DIR}/{settings.secret_name}")],
        service_account=settings.name,
        uid=_UID,
        volumes=[
            {"name": "config", "configMap": {"name": settings.name, "items": items}},
            {"name": "credentials", "secret": {"secretName": settings.secret_name, "defaultMode": 0o440}},
            *scratch,
        ],
        scheduling=settings.scheduling,
    )


def grafana_manifests(args: GrafanaArgs, settings: GrafanaSettings) -> list[Manifest]:
    """All objects of a Grafana, what others need first.

    Raises:
        InvalidSettingsError: there are two passwords, or none, or a dashboard can't be used.
    """
    if (args.admin_password is None) == (settings.existing_secret is None):
        which = "missing" if args.admin_password is None else "given twice"
        raise InvalidSettingsError(
            [Problem("existing_secret", f"the password is {which}", "give either a password or an existing Secret")]
        )
    files = _files(args, settings)
    labels = recommended("grafana", settings.name, Role.DASHBOARDS, settings.version)
    selected = selector("grafana", settings.name)
    meta = metadata(settings.name, labels, namespace=args.namespace)
    manifests = [
        workloads.service_account(meta),
        workloads.config_map(meta, {_key(path): text for path, text in files.items()}),
    ]
    if args.admin_password is not None:
        secret_meta = metadata(settings.secret_name, labels, namespace=args.namespace)
        manifests.append(workloads.secret(secret_meta, {PASSWORD_KEY: args.admin_password}))
    return [
        *manifests,
        workloads.deployment(
            meta,
            selected=selected,
            pod_spec=_pod(args, settings, files),
            replicas=1,  # each pod has sessions of its own
            strategy=pods.rolling_update(),
            pod_labels=args.mesh.labels_of_pods(meshed=settings.meshed),
            pod_annotations={
                Annotation.CONFIG_CHECKSUM.value: checksum(files),
                **args.mesh.annotations_of_pods(meshed=settings.meshed),
            },
            scheduling=settings.scheduling,
        ),
        workloads.service(meta, selected=selected, ports={"http": (PORT, "http")}),
    ]


class Grafana(Component):
    """One Grafana with its data sources and dashboards.

    Attributes:
        url: of the page and the API.
        secret_name: of the Secret with the key ``password``, in the same namespace.
        metrics_target: ``host:port`` of its own metrics in Prometheus' format.

    Raises:
        InvalidSettingsError: the settings are wrong, there are two passwords, or none, or a dashboard can't be used.
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
