"""A program that runs in pods, as one value: components fill it, `otel_mesh.k8s.render` makes the objects."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from otel_mesh.core.labels import Role, recommended, selector
from otel_mesh.k8s.manifests import Manifest, metadata
from otel_mesh.k8s.pod_security import DEFAULT_UID

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pulumi

    from otel_mesh.k8s.containers import Container, ContainerPort, Volume
    from otel_mesh.k8s.scheduling import Scheduling


@dataclass(frozen=True, kw_only=True)
class DeploymentShape:
    """Interchangeable pods, replaced one by one.

    Attributes:
        replicas: Number of pods.
        disruption_budget: Whether a PodDisruptionBudget limits how many pods a drain of nodes evicts at a time.
    """

    replicas: int = 1
    disruption_budget: bool = False


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
    """

    deadline_seconds: int


@dataclass(frozen=True, kw_only=True)
class CronJobShape:
    """One pod at each time of a schedule; the next one does not start before it has ended.

    Attributes:
        schedule: Schedule in the format of cron, in UTC.
        deadline_seconds: Time after which the pod is terminated.
    """

    schedule: str
    deadline_seconds: int


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
        uid: User and group ID of the processes.
        api_access: Whether the token of the ServiceAccount is mounted.
        grace_seconds: Time between SIGTERM and SIGKILL.
        files: Files of the workload's ConfigMap: path to text. A change rolls the pods.
        secrets: Secrets to create: name to key to value, which must be secret outputs. A change does not roll the pods:
            a digest of a password does not belong in plain state.
        pod_labels: Labels of the pods besides the recommended ones.
        pod_annotations: Annotations of the pods.
        service_account: Name of the ServiceAccount; None: the workload's name.
        service_selector: Labels that select the pods of the Service; None: `selector`.
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
    api_access: bool = False
    grace_seconds: int = 30
    files: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, Mapping[str, pulumi.Input[str]]] = field(default_factory=dict)
    pod_labels: Mapping[str, str] = field(default_factory=dict)
    pod_annotations: Mapping[str, str] = field(default_factory=dict)
    service_account: str | None = None
    service_selector: Mapping[str, str] | None = None
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
