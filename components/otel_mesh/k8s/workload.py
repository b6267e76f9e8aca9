"""A program that runs in pods, as one value: components fill it, `otel_mesh.k8s.render` makes the objects."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from otel_mesh.core.labels import Role, recommended, selector
from otel_mesh.k8s.manifests import Manifest, metadata
from otel_mesh.k8s.pod_security import DEFAULT_UID

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pulumi

    from otel_mesh.k8s.autoscaling import Autoscaling
    from otel_mesh.k8s.containers import Container, ContainerPort, Volume
    from otel_mesh.k8s.scheduling import Scheduling


Eviction = Literal["AlwaysAllow", "IfHealthyBudget"]
"""When a drain evicts pods that are not ready: always, or only while enough others are ready."""


@dataclass(frozen=True, kw_only=True)
class DeploymentShape:
    """Interchangeable pods, replaced one by one.

    Attributes:
        replicas: Number of pods.
        disruption_budget: Whether a PodDisruptionBudget limits how many pods a drain of nodes evicts at a time.
        unhealthy_pod_eviction: When a drain evicts pods that are not ready; None for the cluster's default.
        autoscaling: Bounds and targets of a HorizontalPodAutoscaler; ``replicas`` is then the first number of pods.
    """

    replicas: int = 1
    disruption_budget: bool = False
    unhealthy_pod_eviction: Eviction | None = None
    autoscaling: Autoscaling | None = None


@dataclass(frozen=True, kw_only=True)
class StatefulSetShape:
    """Pods with stable names.

    Attributes:
        replicas: Number of pods.
        disruption_budget: Whether a PodDisruptionBudget limits how many pods a drain of nodes evicts at a time.
        headless_service: Name of a further Service, whose name resolves to the addresses of all pods and below which
            each pod has a name of its own; None for none.
    """

    replicas: int = 1
    disruption_budget: bool = False
    headless_service: str | None = None


@dataclass(frozen=True, kw_only=True)
class JobShape:
    """One pod that runs once, whether it succeeds or fails.

    Attributes:
        deadline_seconds: Time after which the pod is terminated.
        retries: Number of times that a failed pod is replaced.
    """

    deadline_seconds: int
    retries: int = 0


@dataclass(frozen=True, kw_only=True)
class CronJobShape:
    """Pods that run by a schedule.

    Attributes:
        schedule: Schedule in the format of cron.
        job: Each of the runs.
        time_zone: Time zone of the schedule; None for that of the cluster.
        concurrency: Reaction to a run that is due while the previous one still runs.
        starting_deadline_seconds: Time within which a missed run is made up for; None for no limit.
    """

    schedule: str
    job: JobShape
    time_zone: str | None = None
    concurrency: Literal["Allow", "Forbid", "Replace"] = "Forbid"
    starting_deadline_seconds: int | None = None


Shape = DeploymentShape | StatefulSetShape | JobShape | CronJobShape


@dataclass(frozen=True, kw_only=True)
class Workload:
    """A program that runs in pods, with all the Kubernetes objects that belong to it.

    Further objects derive from the same value: a NetworkPolicy from `selector` and `ports`, an autoscaler from `shape`.
    Another version of a service is a copy (`dataclasses.replace`) with another ``name`` and ``version`` and the same
    ``service_account``, see `otel_mesh.k8s.render.render_versions`.

    Attributes:
        name: Name of the objects and of the Service; ``app.kubernetes.io/instance``.
        namespace: Namespace of the objects.
        program: Name of the program, ``app.kubernetes.io/name``.
        role: Function of the program, ``app.kubernetes.io/component``.
        version: Version of the program, ``app.kubernetes.io/version``.
        containers: Containers of the pod. Their ports with a protocol make up the Service.
        scheduling: Placement of the pods.
        init_containers: Containers that run to completion, one after the other, before ``containers`` start.
        shape: Kind of the controller and its settings.
        uid: User ID of the processes.
        gid: Group ID of the processes and of the volumes' files; None: that of the user.
        host_aliases: Entries of ``/etc/hosts``: address to host names.
        account_labels: Further labels of the ServiceAccount.
        account_annotations: Annotations of the ServiceAccount.
        api_access: Whether the token of the ServiceAccount is mounted.
        grace_seconds: Time between SIGTERM and SIGKILL.
        files: Files of the workload's ConfigMap: path to text. A change rolls the pods.
        secrets: Secrets to create: name to key to value, which must be secret outputs. A change does not roll the pods:
            a digest of a password does not belong in plain state.
        pod_labels: Labels of the pods besides the recommended ones.
        pod_annotations: Annotations of the pods.
        service_account: Name of the ServiceAccount; None: the workload's name.
        service_selector: Labels that select the pods of the Service; None: `selector`.
        app_protocols: Values of the Service's ``appProtocol`` that differ from the ports' protocols, by protocol.
        headless: Whether the Service's name resolves to the pods' addresses instead of a virtual address.
    """

    name: str
    namespace: pulumi.Input[str]
    program: str
    role: Role
    version: str
    containers: tuple[Container, ...]
    scheduling: Scheduling
    init_containers: tuple[Container, ...] = ()
    shape: Shape = DeploymentShape()
    uid: int = DEFAULT_UID
    gid: int | None = None
    host_aliases: Mapping[str, Sequence[str]] = field(default_factory=dict)
    account_labels: Mapping[str, str] = field(default_factory=dict)
    account_annotations: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    api_access: bool = False
    grace_seconds: int = 30
    files: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    secrets: Mapping[str, Mapping[str, pulumi.Input[str]]] = field(default_factory=dict)
    pod_labels: Mapping[str, str] = field(default_factory=dict)
    pod_annotations: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    service_account: str | None = None
    service_selector: Mapping[str, str] | None = None
    app_protocols: Mapping[str, str] = field(default_factory=dict)
    headless: bool = False

    @property
    def labels(self) -> dict[str, str]:
        """The recommended labels of all objects."""
        return recommended(self.program, self.name, self.role, self.version)

    @property
    def selector(self) -> dict[str, str]:
        """The labels that select the pods."""
        return selector(self.program, self.name)

    @property
    def ports(self) -> tuple[ContainerPort, ...]:
        """The ports of the Service."""
        return tuple(port for one in self.containers for port in one.ports if port.protocol is not None)

    @property
    def volumes(self) -> tuple[Volume, ...]:
        """The volumes of the pod, each once."""
        mounted: dict[str, Volume] = {}
        for one in (*self.containers, *self.init_containers):
            for volume in one.volumes:
                mounted.setdefault(volume.name, volume)
        return tuple(mounted.values())

    def metadata(self, name: str | None = None) -> Manifest:
        """The metadata of an object of the workload.

        Args:
            name: Name of the object; None: the workload's.
        """
        return metadata(name or self.name, self.labels, namespace=self.namespace)
