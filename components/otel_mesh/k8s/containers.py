"""Containers of a workload: ports, probes, environment variables and volumes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from otel_mesh.k8s.pod_types import Lifecycle

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pulumi

    from otel_mesh.core.endpoints import SecretKey
    from otel_mesh.k8s.environment import Variable
    from otel_mesh.k8s.pod_types import Check, ClaimSpec, ConfigMapFiles, VolumeSource
    from otel_mesh.k8s.resources import Resources, Storage

AppProtocol = Literal["http", "grpc", "tcp"]

POD_FIELDS: Final = {
    "POD_NAME": "metadata.name",
    "POD_NAMESPACE": "metadata.namespace",
    "POD_UID": "metadata.uid",
    "POD_IP": "status.podIP",
    "NODE_NAME": "spec.nodeName",
}
"""Environment variables of the downward API, with the fields of the pod that they hold."""

_PROBE_TIMEOUT_SECONDS: Final = 2


@dataclass(frozen=True, kw_only=True)
class ContainerPort:
    """A port of a container.

    Attributes:
        name: Name of the port, also in the Service.
        number: Port number.
        protocol: Application protocol of the Service's port, which meshes read; None: the Service does not offer it.
    """

    name: str
    number: int
    protocol: AppProtocol | None = None


@dataclass(frozen=True, kw_only=True)
class Volume:
    """A volume of a pod and its mount in a container.

    Attributes:
        name: Name of the volume; containers of the same pod that mount the same name share the volume.
        path: Mount path.
        source: Kubernetes source of the volume, such as ``{"emptyDir": {}}``.
        read_only: Whether the mount is read-only.
        sub_path: Path in the volume, in place of the whole volume.
        claim: Name and ``spec`` of the PersistentVolumeClaim that belongs to the workload; None for other volumes.
        per_pod: Whether each pod of a StatefulSet has a claim of its own, made from a template with ``claim``.
    """

    name: str
    path: str
    source: VolumeSource
    read_only: bool = False
    sub_path: str | None = None
    claim: tuple[str, ClaimSpec] | None = None
    per_pod: bool = False

    def manifest(self) -> dict[str, Any]:
        """The entry of the pod's ``volumes``."""
        return {"name": self.name, **self.source}

    def mount(self) -> dict[str, Any]:
        """The entry of the container's ``volumeMounts``."""
        sub_path = {} if self.sub_path is None else {"subPath": self.sub_path}
        return {"name": self.name, "mountPath": self.path, **sub_path, **({"readOnly": True} if self.read_only else {})}


def config_volume(name: str, config_map: str, path: str, files: Iterable[str] = ()) -> Volume:
    """The files of a ConfigMap, read-only.

    Args:
        name: Name of the volume.
        config_map: Name of the ConfigMap.
        path: Mount path.
        files: Paths of the files below ``path``; needed only if one of them contains a folder.
    """
    source: ConfigMapFiles = {"name": config_map}
    if files:
        source["items"] = [{"key": config_map_key(file), "path": file} for file in files]
    return Volume(name=name, path=path, source={"configMap": source}, read_only=True)


def shared_volume(name: str, config_map: str, path: str) -> Volume:
    """The files of a ConfigMap that others write to, which may be missing or empty; the kubelet follows its changes.

    Args:
        name: Name of the volume.
        config_map: Name of the ConfigMap.
        path: Mount path.
    """
    return Volume(name=name, path=path, source={"configMap": {"name": config_map, "optional": True}}, read_only=True)


def config_map_key(path: str) -> str:
    """The key of a file in a ConfigMap, where a slash is not allowed."""
    return path.replace("/", "_")


def secret_volume(name: str, secret: pulumi.Input[str], path: str) -> Volume:
    """The keys of a Secret as files that the pod's group can read (``fsGroup``), read-only."""
    return Volume(name=name, path=path, source={"secret": {"secretName": secret, "defaultMode": 0o440}}, read_only=True)


def scratch_volume(name: str, path: str, size: str = "64Mi") -> Volume:
    """A writable directory that lives as long as the pod; the pod is evicted when it grows beyond ``size``."""
    return Volume(name=name, path=path, source={"emptyDir": {"sizeLimit": size}})


def temporary_files() -> Volume:
    """A small writable ``/tmp``."""
    return scratch_volume("tmp", "/tmp")  # noqa: S108 - a volume of the pod


def data_volume(name: str, storage: Storage, claim: str, path: str) -> Volume:
    """The directory where a program keeps its data.

    Args:
        name: Name of the volume.
        storage: Kind and size of the storage.
        claim: Name of the PersistentVolumeClaim, if the storage is persistent.
        path: Mount path.
    """
    if not storage.persistent:
        return scratch_volume(name, path, storage.size)
    source: VolumeSource = {"persistentVolumeClaim": {"claimName": claim}}
    return Volume(name=name, path=path, source=source, claim=(claim, storage.claim_spec()))


def pod_volume(name: str, storage: Storage, path: str) -> Volume:
    """The directory where each pod of a StatefulSet keeps its own data.

    Args:
        name: Name of the volume and prefix of the claims.
        storage: Size and class of the persistent storage.
        path: Mount path.
    """
    return Volume(name=name, path=path, source={}, claim=(name, storage.claim_spec()), per_pod=True)


def http_check(path: str, port: str) -> Check:
    """A health check by HTTP GET; ``port`` is the port's name."""
    return {"httpGet": {"path": path, "port": port}}


def grpc_check(service: str, port: int) -> Check:
    """A health check by ``grpc.health.v1``; Kubernetes takes the number of the port only."""
    return {"grpc": {"port": port, "service": service}}


def exec_check(command: Iterable[str], timeout_seconds: int) -> Check:
    """A health check by the exit code of a command inside the container."""
    return {"exec": {"command": list(command)}, "timeoutSeconds": timeout_seconds}


@dataclass(frozen=True, kw_only=True)
class Probes:
    """Health checks of a container, made by `http_check`, `grpc_check` or `exec_check`.

    Attributes:
        live: Check whose failure restarts the container (3 times in a row, every 10 s).
        ready: Check whose failure removes the pod from the Service (2 times in a row, every 5 s); None: ``live``.
        start: Check that has to succeed once before the others begin; None: ``live``.
        start_seconds: Time that the program may take to start.
    """

    live: Check
    ready: Check | None = None
    start: Check | None = None
    start_seconds: int = 60

    def manifest(self) -> dict[str, Check]:
        """The container's three probes."""
        return {
            "startupProbe": _probe(self.start or self.live, period=1, failures=self.start_seconds),
            "livenessProbe": _probe(self.live, period=10, failures=3),
            "readinessProbe": _probe(self.ready or self.live, period=5, failures=2),
        }


def _probe(check: Check, *, period: int, failures: int) -> Check:
    probe: Check = {**check, "periodSeconds": period, "failureThreshold": failures}
    probe.setdefault("timeoutSeconds", _PROBE_TIMEOUT_SECONDS)
    return probe


@dataclass(frozen=True, kw_only=True)
class Container:
    """A container.

    Attributes:
        name: Name of the container.
        image: Container image.
        resources: Resource requests and limits; None for none.
        command: Entry point, in place of the image's.
        args: Arguments of the entry point.
        pod_fields: Environment variables from the downward API: name to field of the pod, see `POD_FIELDS`.
        env: Environment variables; a text is a plain value.
        ports: Ports the program listens on.
        probes: Health checks; None for none.
        lifecycle: Hooks after the start and before the end.
        volumes: Mounted volumes.
        further: Further fields of the Kubernetes type ``Container``.
    """

    name: str
    image: pulumi.Input[str]
    resources: Resources | None = None
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    pod_fields: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, pulumi.Input[str] | Variable | SecretKey] = field(default_factory=dict)
    ports: tuple[ContainerPort, ...] = ()
    probes: Probes | None = None
    lifecycle: Lifecycle = field(default_factory=Lifecycle)
    volumes: tuple[Volume, ...] = ()
    further: Mapping[str, Any] = field(default_factory=dict)
