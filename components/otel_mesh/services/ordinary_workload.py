"""Settings of a service's pods: what an ordinary workload needs besides the platform's own conventions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, IPvAnyAddress, model_validator

from otel_mesh.core.errors import InvalidSettingsError
from otel_mesh.core.outputs import ImageInput, TextInput
from otel_mesh.core.patterns import Pattern
from otel_mesh.core.values import (
    DnsLabel,
    LabelKey,
    LabelValue,
    ObjectName,
    Settings,
    UnprivilegedPort,
)
from otel_mesh.k8s.autoscaling import Autoscaling  # noqa: TC001 - pydantic reads it at run time
from otel_mesh.k8s.containers import AppProtocol, Container, ContainerPort
from otel_mesh.k8s.environment import Variables  # noqa: TC001 - pydantic reads it at run time
from otel_mesh.k8s.health import HealthChecks  # noqa: TC001 - pydantic reads it at run time
from otel_mesh.k8s.resources import Resources
from otel_mesh.k8s.volumes import Mount, VolumeSettings  # noqa: TC001 - pydantic reads them at run time
from otel_mesh.k8s.workload import Eviction  # noqa: TC001 - pydantic reads it at run time
from otel_mesh.services.workload_checks import problems_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    import pulumi

Words = tuple[Annotated[str, Field(max_length=32_768)], ...]
"""Words of a command."""

UserId = Annotated[int, Field(ge=1, le=2_147_483_647)]
"""User or group ID; 0 (root) is excluded by the restricted Pod Security Standard."""

PortName = Annotated[
    str,
    Pattern(
        re.compile(r"(?=[-a-z0-9]{1,15}$)(?=.*[a-z])[a-z0-9]+(?:-[a-z0-9]+)*"),
        "is not the name of a port; use at most 15 lower case letters, digits and dashes, with a letter",
    ),
]
"""Name of a port (IANA_SVC_NAME)."""

CronSchedule = Annotated[
    str,
    Pattern(
        re.compile(r"@(?:yearly|monthly|weekly|daily|hourly)|(?:[-0-9A-Za-z*/,?]+ ){4}[-0-9A-Za-z*/,?]+"),
        "is not a schedule; write the five fields of cron such as '30 2 * * *'",
    ),
]
"""Schedule in the format of cron."""

Annotations = dict[LabelKey, TextInput]
"""Annotations of an object."""


class PortSettings(Settings):
    """A further port of a service.

    Attributes:
        name: Name of the port, in the pod and in the Service.
        number: Port number.
        protocol: Application protocol, which the mesh reads; None: the Service does not offer the port.
    """

    name: PortName
    number: UnprivilegedPort
    protocol: AppProtocol | None = None

    def port(self) -> ContainerPort:
        """The port of the container."""
        return ContainerPort(name=self.name, number=self.number, protocol=self.protocol)


class FurtherContainer(Settings):
    """An init container or a sidecar.

    Attributes:
        name: Name of the container.
        image: Container image; None for that of the service.
        command: Entry point, in place of the image's.
        args: Arguments of the entry point.
        env: Environment variables.
        mounts: Mounts of the pod's volumes.
        resources: Resource requests and limits.
        health: Health checks, whose port must be given; None for none.
    """

    name: DnsLabel
    image: ImageInput | None = None
    command: Words = ()
    args: Words = ()
    env: Variables = Field(default_factory=dict)
    mounts: tuple[Mount, ...] = ()
    resources: Resources = Resources()
    health: HealthChecks | None = None

    def container(self, image: pulumi.Input[str], volumes: Mapping[str, VolumeSettings]) -> Container:
        """The container of a pod.

        Args:
            image: Image of the service.
            volumes: Volumes of the pod, by name.
        """
        return Container(
            name=self.name,
            image=self.image if self.image is not None else image,
            command=self.command,
            args=self.args,
            env=self.env,
            resources=self.resources,
            probes=self.health.probes(0) if self.health else None,
            volumes=tuple(one.on(volumes) for one in self.mounts),
        )


class Account(Settings):
    """The pods' ServiceAccount.

    Attributes:
        labels: Further labels.
        annotations: Annotations, such as those that bind it to an identity of a cloud.
    """

    labels: dict[LabelKey, LabelValue] = Field(default_factory=dict)
    annotations: Annotations = Field(default_factory=dict)


class Run(Settings):
    """A workload that ends: a Job, or with a schedule a CronJob.

    Attributes:
        schedule: Schedule of a CronJob in the format of cron; None for a Job, which runs once for each change.
        time_zone: Time zone of the schedule, such as ``Europe/Berlin``; None for that of the cluster.
        deadline_seconds: Time after which a pod is terminated.
        retries: Number of times that a failed pod is replaced.
        concurrency: Reaction to a run that is due while the previous one still runs.
    """

    schedule: CronSchedule | None = None
    time_zone: Annotated[str, Field(pattern=r"^[A-Za-z0-9_+/-]+$", max_length=64)] | None = None
    deadline_seconds: Annotated[int, Field(ge=1, le=604_800)] = 3600
    retries: Annotated[int, Field(ge=0, le=20)] = 0
    concurrency: Literal["Allow", "Forbid", "Replace"] = "Forbid"


class OrdinaryWorkload(Settings):
    """What the pods of a service need besides the conventions of the platform; all of it is optional.

    Attributes:
        env: Environment variables, as text or from a Secret, a ConfigMap or a field of the pod.
        command: Entry point, in place of the image's.
        args: Arguments of the entry point.
        health: Health checks; None for those of the service's protocol.
        ports: Further ports.
        volumes: Volumes of the pod, by name.
        mounts: Mounts of the volumes in the service's container.
        init_containers: Containers that run to completion, one after the other, before the others start.
        sidecars: Containers beside the service's.
        pod_labels: Further labels of the pods.
        pod_annotations: Annotations of the pods.
        account: The pods' ServiceAccount.
        uid: User ID of the processes.
        gid: Group ID of the processes and of the volumes' files; None for that of the user.
        host_aliases: Entries of ``/etc/hosts``: address to host names.
        autoscaling: Number of pods by load, in place of ``replicas``; None for a fixed number.
        pre_stop_seconds: Time between the end of new requests and SIGTERM, for programs that end at once.
        pre_stop: Command that runs before SIGTERM.
        grace_seconds: Time between the start of the termination and SIGKILL.
        unhealthy_pod_eviction: Pods that are not ready in a drain of nodes: evicted always, or only while enough others
            are ready; None for the cluster's default.
        run: Job or CronJob, in place of a Deployment; None for a Deployment.
    """

    env: Variables = Field(default_factory=dict)
    command: Words = ()
    args: Words = ()
    health: HealthChecks | None = None
    ports: tuple[PortSettings, ...] = ()
    volumes: dict[DnsLabel, VolumeSettings] = Field(default_factory=dict)
    mounts: tuple[Mount, ...] = ()
    init_containers: tuple[FurtherContainer, ...] = ()
    sidecars: tuple[FurtherContainer, ...] = ()
    pod_labels: dict[LabelKey, LabelValue] = Field(default_factory=dict)
    pod_annotations: Annotations = Field(default_factory=dict)
    account: Account = Account()
    uid: UserId | None = None
    gid: UserId | None = None
    host_aliases: dict[IPvAnyAddress, tuple[ObjectName, ...]] = Field(default_factory=dict)
    autoscaling: Autoscaling | None = None
    pre_stop_seconds: Annotated[int, Field(ge=1, le=3600)] | None = None
    pre_stop: Words = ()
    grace_seconds: Annotated[int, Field(ge=1, le=86_400)] = 30
    unhealthy_pod_eviction: Eviction | None = None
    run: Run | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        problems = list(problems_of(self))
        if problems:
            raise InvalidSettingsError(problems)
        return self
