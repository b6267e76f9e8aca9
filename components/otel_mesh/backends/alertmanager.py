"""Alertmanager: groups firing alerts, mutes those that others explain, and notifies the receiver of their severity."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal

import pulumi
from pydantic import Field, model_validator

from otel_mesh.backends.alertmanager_receivers import Receiver, receiver_config, receiver_volumes
from otel_mesh.core import versions
from otel_mesh.core.errors import InvalidSettingsError, Problem, join_path, nearest, parse
from otel_mesh.core.labels import Role
from otel_mesh.core.network import service_host
from otel_mesh.core.outputs import ImageInput  # noqa: TC001 - pydantic reads it at run time
from otel_mesh.core.values import DnsLabel, Duration, LabelValue, Replicas, Retention, Settings, hours
from otel_mesh.k8s.component import Component
from otel_mesh.k8s.containers import (
    Container,
    ContainerPort,
    Probes,
    Volume,
    config_volume,
    data_volume,
    http_check,
    pod_volume,
)
from otel_mesh.k8s.known import when_known
from otel_mesh.k8s.manifests import Manifest, to_yaml
from otel_mesh.k8s.render import render
from otel_mesh.k8s.resources import Resources, Storage
from otel_mesh.k8s.scheduling import Scheduling
from otel_mesh.k8s.workload import StatefulSetShape, Workload
from otel_mesh.mesh.binding import MeshBinding, NoMesh

if TYPE_CHECKING:
    from typing import Self

PORT: Final = 9093
PEER_PORT: Final = 9094
"""Port of the gossip between replicas, TCP and UDP."""

_CONFIG_DIR: Final = "/etc/alertmanager"
_DATA_DIR: Final = "/var/lib/alertmanager"
_NOBODY: Final = "nobody"

Severity = Literal["critical", "warning"]
"""Value of the label ``severity`` of the library's alert rules."""
ReceiverName = Annotated[DnsLabel, Field(max_length=40)]
"""Name of a receiver, part of the names of volumes."""
AlertLabel = Annotated[str, Field(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$")]
"""Name of a label of alerts."""


class AlertmanagerSettings(Settings):
    """Settings of an `Alertmanager`.

    Attributes:
        name: Name of the Kubernetes objects.
        image: Container image whose entry point is Alertmanager.
        version: Version of Alertmanager in the image, used as a label.
        replicas: Number of pods. They share silences and sent notifications; while they cannot reach each other, a
            notification is sent more than once rather than not at all.
        resources: Resource requests and limits of the container.
        scheduling: Placement of the pods.
        storage: Storage of silences and sent notifications, of each pod.
        retention: Time that silences and sent notifications are kept.
        receivers: Where alerts are sent, by name. Without receivers, alerts are grouped and shown only.
        routes: Receiver by severity.
        default_receiver: Receiver of all other alerts; None for none.
        group_by: Labels by which alerts are grouped into one notification.
        group_wait: Time that a new group waits for further alerts.
        group_interval: Time between notifications about a changed group.
        repeat_interval: Time after which an unchanged group is sent again.
        muted_by: Sets of labels. A warning is not sent while a critical alert has the same values of one of them.
        meshed: Whether the pods join the mesh. They do not by default: alerts have to be sent when the mesh itself
            fails.
    """

    QUERY_PORT: ClassVar[int] = PORT
    """Port of its API."""
    PEER_PORT: ClassVar[int] = PEER_PORT
    """Port between its pods."""

    name: DnsLabel = "alertmanager"
    image: ImageInput = versions.ALERTMANAGER_IMAGE
    version: LabelValue = versions.ALERTMANAGER
    replicas: Replicas = 1
    resources: Resources = Resources(cpu="10m", memory="32Mi", memory_limit="128Mi")
    scheduling: Scheduling = Scheduling()
    storage: Storage = Storage(size="128Mi")
    retention: Retention = "5d"
    receivers: dict[ReceiverName, Receiver] = Field(default_factory=dict)
    routes: dict[Severity, ReceiverName] = Field(default_factory=dict)
    default_receiver: ReceiverName | None = None
    group_by: tuple[AlertLabel, ...] = ("alertname", "service_namespace", "service_name")
    group_wait: Duration = "30s"
    group_interval: Duration = "5m"
    repeat_interval: Duration = "4h"
    muted_by: tuple[tuple[AlertLabel, ...], ...] = (("service_namespace", "service_name"), ("job", "instance"))
    meshed: bool = False

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        named = {join_path("routes", severity): name for severity, name in self.routes.items()}
        if self.default_receiver is not None:
            named["default_receiver"] = self.default_receiver
        problems = [
            Problem(path, f"'{name}' is not one of the receivers", nearest(name, self.receivers))
            for path, name in named.items()
            if name not in self.receivers
        ]
        problems += [
            Problem(join_path("receivers", name), "no route leads to it", "name it in routes or default_receiver")
            for name in self.receivers
            if name not in named.values()
        ]
        if _NOBODY in self.receivers:
            problems.append(Problem(join_path("receivers", _NOBODY), "is a reserved name", "choose another name"))
        problem = self.scheduling.problem_with(self.replicas)
        if problem is not None:
            problems.append(problem)
        if problems:
            raise InvalidSettingsError(problems)
        return self

    @property
    def peers_name(self) -> str:
        """Name of the Service whose name resolves to the addresses of all pods."""
        return f"{self.name}-peers"

    def peers_url(self, namespace: str) -> str:
        """URL of the API of all pods, each of which has to get every alert."""
        return f"http://{service_host(self.peers_name, namespace)}:{PORT}"

    def metrics_targets(self, namespace: str) -> dict[str, str]:
        """``host:port`` of each pod's own metrics in Prometheus' format, by scrape job."""
        if self.replicas == 1:
            return {self.name: f"{service_host(self.name, namespace)}:{PORT}"}
        host = service_host(self.peers_name, namespace)
        return {f"{self.name}-{number}": f"{self.name}-{number}.{host}:{PORT}" for number in range(self.replicas)}


@dataclass(frozen=True, kw_only=True)
class AlertmanagerArgs:
    """Arguments of an `Alertmanager`.

    Attributes:
        namespace: Namespace of the Kubernetes objects.
        settings: Settings, or a mapping of their fields.
        mesh: Mesh that the namespace belongs to.
    """

    namespace: pulumi.Input[str]
    settings: AlertmanagerSettings = field(default_factory=AlertmanagerSettings)
    mesh: MeshBinding = field(default_factory=NoMesh)


def alertmanager_config(settings: AlertmanagerSettings) -> dict[str, Any]:
    """The program's configuration (``amtool check-config`` reads it in a test)."""
    receivers = [receiver_config(name, one) for name, one in settings.receivers.items()]
    if settings.default_receiver is None:
        receivers.append({"name": _NOBODY})
    return {
        "route": {
            "receiver": settings.default_receiver or _NOBODY,
            "group_by": list(settings.group_by),
            "group_wait": settings.group_wait,
            "group_interval": settings.group_interval,
            "repeat_interval": settings.repeat_interval,
            "routes": [
                {"receiver": name, "matchers": [f'severity="{severity}"']} for severity, name in settings.routes.items()
            ],
        },
        "inhibit_rules": [
            {
                # a label that an alert lacks equals one that another lacks: the critical alert has to have them
                "source_matchers": ['severity="critical"', *(f'{label}!=""' for label in labels)],
                "target_matchers": ['severity="warning"'],
                "equal": list(labels),
            }
            for labels in settings.muted_by
        ],
        "receivers": receivers,
    }


def alertmanager_arguments(settings: AlertmanagerSettings) -> list[str]:
    """The program's arguments."""
    arguments = [
        f"--config.file={_CONFIG_DIR}/alertmanager.yml",
        f"--storage.path={_DATA_DIR}",
        f"--data.retention={hours(settings.retention)}h",
        f"--web.listen-address=:{PORT}",
        "--log.format=json",
    ]
    if settings.replicas == 1:
        return [*arguments, "--cluster.listen-address="]
    # by itself it only advertises private addresses, which those of pods need not be
    arguments += [f"--cluster.listen-address=0.0.0.0:{PEER_PORT}", f"--cluster.advertise-address=$(POD_IP):{PEER_PORT}"]
    return arguments + [
        f"--cluster.peer={settings.name}-{number}.{settings.peers_name}:{PEER_PORT}"
        for number in range(settings.replicas)
    ]


def _container(settings: AlertmanagerSettings) -> Container:
    ready = http_check("/-/ready", "http")
    several = settings.replicas > 1
    return Container(
        name="alertmanager",
        image=settings.image,
        args=tuple(alertmanager_arguments(settings)),
        pod_fields={"POD_IP": "status.podIP"} if several else {},
        env={"GOMEMLIMIT": settings.resources.go_memory_limit()},
        ports=(
            ContainerPort(name="http", number=PORT, protocol="http"),
            *([ContainerPort(name="peers", number=PEER_PORT, protocol="tcp")] if several else []),
        ),
        probes=Probes(live=http_check("/-/healthy", "http"), ready=ready, start=ready),
        resources=settings.resources,
        volumes=(
            config_volume("config", settings.name, _CONFIG_DIR),
            *receiver_volumes(settings.receivers),
            _data(settings),
        ),
    )


def _data(settings: AlertmanagerSettings) -> Volume:
    if settings.storage.persistent:
        return pod_volume("data", settings.storage, _DATA_DIR)
    return data_volume("data", settings.storage, settings.name, _DATA_DIR)


def alertmanager_manifests(args: AlertmanagerArgs, settings: AlertmanagerSettings) -> list[Manifest]:
    """The Kubernetes objects of an Alertmanager, dependencies first."""
    return render(
        Workload(
            name=settings.name,
            namespace=args.namespace,
            program="alertmanager",
            role=Role.ALERTS,
            version=settings.version,
            containers=(_container(settings),),
            scheduling=settings.scheduling,
            shape=StatefulSetShape(
                replicas=settings.replicas,
                disruption_budget=settings.replicas > 1,
                headless_service=settings.peers_name,
            ),
            files={"alertmanager.yml": when_known(settings, lambda known: to_yaml(alertmanager_config(known)))},
            pod_labels=args.mesh.labels_of_pods(meshed=settings.meshed),
            pod_annotations=args.mesh.annotations_of_pods(meshed=settings.meshed),
        )
    )


class Alertmanager(Component):
    """One Alertmanager, or several that share silences and sent notifications.

    Attributes:
        url: URL of the API of one of the pods.

    Raises:
        InvalidSettingsError: The settings are invalid.
    """

    TYPE: ClassVar[str] = "Alertmanager"

    url: pulumi.Output[str]

    def __init__(self, name: str, args: AlertmanagerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        settings = parse(AlertmanagerSettings, args.settings)
        super().__init__(name, opts)
        self.children(alertmanager_manifests(args, settings))
        self.url = pulumi.Output.concat("http://", self.host(settings.name, args.namespace), f":{PORT}")
        self.register_outputs({"url": self.url})
