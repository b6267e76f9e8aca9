"""Parts of a pod in the form of Kubernetes: health checks, hooks and sources of volumes.

https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

import pulumi  # noqa: TC002 - the test reads the types at run time


class HttpHeader(TypedDict):
    """A header of a request."""

    name: str
    value: str


class HttpGet(TypedDict):
    """An HTTP GET; ``port`` is a number or the name of a port."""

    path: str
    port: int | str
    host: NotRequired[str]
    scheme: NotRequired[Literal["HTTP", "HTTPS"]]
    httpHeaders: NotRequired[list[HttpHeader]]


class GrpcCall(TypedDict):
    """A call of ``grpc.health.v1``; an empty service stands for the whole server."""

    port: int
    service: NotRequired[str]


class TcpConnection(TypedDict):
    """A TCP connection."""

    port: int | str
    host: NotRequired[str]


class Command(TypedDict):
    """A command in the container."""

    command: list[str]


class Sleep(TypedDict):
    """A pause."""

    seconds: int


class Check(TypedDict, total=False):
    """A health check: one of its kinds, and when it is run.

    Attributes:
        httpGet: HTTP GET that is answered with a status from 200 to 399.
        grpc: Call of ``grpc.health.v1``.
        tcpSocket: TCP connection.
        exec: Command that exits with status 0.
        timeoutSeconds: Time after which the check has failed.
        initialDelaySeconds: Time before the first check.
        periodSeconds: Time between two checks.
        failureThreshold: Number of failures in a row that have a consequence.
        successThreshold: Number of successes in a row that end a failure.
    """

    httpGet: HttpGet
    grpc: GrpcCall
    tcpSocket: TcpConnection
    exec: Command
    timeoutSeconds: int
    initialDelaySeconds: int
    periodSeconds: int
    failureThreshold: int
    successThreshold: int


class Hook(TypedDict, total=False):
    """What runs after the start or before the end of a container; one of the kinds.

    Attributes:
        exec: Command in the container.
        httpGet: HTTP GET by the kubelet.
        sleep: Pause.
    """

    exec: Command
    httpGet: HttpGet
    sleep: Sleep


class Lifecycle(TypedDict, total=False):
    """Hooks of a container.

    Attributes:
        postStart: Hook that runs beside the entry point as soon as the container has started.
        preStop: Hook that ends before the processes get SIGTERM.
    """

    postStart: Hook
    preStop: Hook


class KeyPath(TypedDict):
    """A key of a ConfigMap or a Secret, and its file."""

    key: str
    path: str
    mode: NotRequired[int]


class EmptyDir(TypedDict, total=False):
    """A directory that lives as long as the pod."""

    medium: Literal["Memory"]
    sizeLimit: str


class ConfigMapFiles(TypedDict):
    """The keys of a ConfigMap as files."""

    name: pulumi.Input[str]
    items: NotRequired[list[KeyPath]]
    defaultMode: NotRequired[int]
    optional: NotRequired[bool]


class SecretFiles(TypedDict):
    """The keys of a Secret as files."""

    secretName: pulumi.Input[str]
    items: NotRequired[list[KeyPath]]
    defaultMode: NotRequired[int]
    optional: NotRequired[bool]


class ProjectedSecret(TypedDict):
    """A Secret of a projected volume."""

    name: pulumi.Input[str]
    items: NotRequired[list[KeyPath]]
    optional: NotRequired[bool]


class AccountToken(TypedDict):
    """A token of the pod's ServiceAccount."""

    path: str
    audience: NotRequired[str]
    expirationSeconds: NotRequired[int]


class ProjectedSource(TypedDict, total=False):
    """A source of a projected volume; one of the kinds."""

    secret: ProjectedSecret
    configMap: ProjectedSecret
    serviceAccountToken: AccountToken


class ProjectedFiles(TypedDict):
    """Several sources in one directory."""

    sources: list[ProjectedSource]
    defaultMode: NotRequired[int]


class Claim(TypedDict):
    """A PersistentVolumeClaim."""

    claimName: pulumi.Input[str]
    readOnly: NotRequired[bool]


class HostPath(TypedDict):
    """A path of the node."""

    path: str
    type: NotRequired[str]


class Csi(TypedDict):
    """A volume of a CSI driver, such as ``secrets-store.csi.k8s.io``."""

    driver: str
    readOnly: NotRequired[bool]
    volumeAttributes: NotRequired[dict[str, str]]


class VolumeSource(TypedDict, total=False):
    """Source of a volume; one of the kinds.

    Attributes:
        emptyDir: Directory that lives as long as the pod.
        configMap: Keys of a ConfigMap as files.
        secret: Keys of a Secret as files.
        projected: Several sources in one directory.
        persistentVolumeClaim: Existing PersistentVolumeClaim.
        hostPath: Path of the node, which the restricted Pod Security Standard excludes.
        csi: Volume of a CSI driver.
        ephemeral: Template of a claim that lives as long as the pod.
        downwardAPI: Fields of the pod as files.
        nfs: Directory of an NFS server.
    """

    emptyDir: EmptyDir
    configMap: ConfigMapFiles
    secret: SecretFiles
    projected: ProjectedFiles
    persistentVolumeClaim: Claim
    hostPath: HostPath
    csi: Csi
    ephemeral: dict[str, Any]
    downwardAPI: dict[str, Any]
    nfs: dict[str, Any]


class StorageRequests(TypedDict):
    """Requested storage."""

    storage: str


class ClaimResources(TypedDict):
    """Resources of a claim."""

    requests: StorageRequests


class ClaimSpec(TypedDict):
    """The ``spec`` of a PersistentVolumeClaim.

    Attributes:
        accessModes: Ways of mounting the volume, such as ``ReadWriteOnce``.
        resources: Requested storage.
        storageClassName: Storage class; the cluster's default without one.
    """

    accessModes: list[str]
    resources: ClaimResources
    storageClassName: NotRequired[str]
