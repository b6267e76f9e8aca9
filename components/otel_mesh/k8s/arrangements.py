"""Workloads with everything that belongs to them, in the two forms that the library knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from otel_mesh.core.labels import Annotation
from otel_mesh.k8s import pods, workloads
from otel_mesh.k8s.manifests import checksum

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_mesh.k8s.manifests import Manifest
    from otel_mesh.k8s.resources import Storage
    from otel_mesh.k8s.scheduling import Scheduling


def replicated(  # noqa: PLR0913 - the parts of a workload, all by keyword
    meta: Mapping[str, Any],
    *,
    selected: Mapping[str, str],
    pod_spec: Mapping[str, Any],
    replicas: int,
    scheduling: Scheduling,
    ports: Mapping[str, tuple[int, str]],
    pod_labels: Mapping[str, str] | None = None,
    pod_annotations: Mapping[str, str] | None = None,
    headless: bool = False,
) -> list[Manifest]:
    """Equal pods that are replaced one by one behind a Service: Deployment, Service and disruption budget.

    Args:
        meta: metadata of all objects.
        selected: the labels that select the pods.
        pod_spec: made by `workloads.pod`.
        replicas: how many pods.
        scheduling: over what the pods are spread, and how many of them a drain may take.
        ports: of the Service, as `workloads.service` takes them.
        pod_labels: further labels of the pods.
        pod_annotations: annotations of the pods.
        headless: whether the Service's name means the pods' own addresses.
    """
    return [
        workloads.deployment(
            meta,
            selected=selected,
            pod_spec=pod_spec,
            replicas=replicas,
            strategy=pods.rolling_update(),
            pod_labels=pod_labels,
            pod_annotations=pod_annotations,
            scheduling=scheduling,
        ),
        workloads.service(meta, selected=selected, ports=ports, headless=headless),
        workloads.disruption_budget(meta, selected, scheduling.max_unavailable),
    ]


class StoreSettings(Protocol):
    """What settings of a `store` have in common."""

    @property
    def name(self) -> str:
        """Of its objects."""
        ...

    @property
    def storage(self) -> Storage:
        """Where it keeps its data."""
        ...

    @property
    def scheduling(self) -> Scheduling:
        """Where its pod runs."""
        ...


def store(  # noqa: PLR0913 - the parts of a store, all by keyword
    meta: Mapping[str, Any],
    *,
    settings: StoreSettings,
    selected: Mapping[str, str],
    container: Mapping[str, Any],
    data_dir: str,
    ports: Mapping[str, tuple[int, str]],
    files: Mapping[str, str] | None = None,
    config_dir: str = "",
    scratch: Mapping[str, str] | None = None,
    api_access: bool = False,
    pod_labels: Mapping[str, str] | None = None,
    pod_annotations: Mapping[str, str] | None = None,
) -> list[Manifest]:
    """One pod that keeps data, what others need first: ServiceAccount, ConfigMap, claim, Deployment, Service.

    Without files there is no ConfigMap: all of its configuration is arguments then.

    Args:
        meta: metadata of all objects.
        settings: the store's name, storage and scheduling.
        selected: the labels that select the pod.
        container: made by `workloads.container`, without mounts.
        data_dir: where it keeps its data.
        ports: of the Service, as `workloads.service` takes them.
        files: of its configuration, name to text; a changed one rolls the pod.
        config_dir: where the container finds them.
        scratch: small writable folders, name to path.
        api_access: whether the account's token is mounted.
        pod_labels: further labels of the pod.
        pod_annotations: further annotations of the pod.
    """
    scratch_volumes, scratch_mounts = pods.scratch_volumes(scratch or {})
    config_mounts = [{"name": "config", "mountPath": config_dir, "readOnly": True}] if files else []
    mounts = [*config_mounts, {"name": "data", "mountPath": data_dir}, *scratch_mounts]
    pod_spec = workloads.pod(
        [{**container, "volumeMounts": mounts}],
        service_account=settings.name,
        uid=pods.DEFAULT_UID,
        volumes=[
            *([{"name": "config", "configMap": {"name": settings.name}}] if files else []),
            settings.storage.volume("data", settings.name),
            *scratch_volumes,
        ],
        api_access=api_access,
        scheduling=settings.scheduling,
    )
    manifests = [workloads.service_account(meta)]
    annotations = dict(pod_annotations or {})
    if files:
        manifests.append(workloads.config_map(meta, files))
        annotations = {Annotation.CONFIG_CHECKSUM.value: checksum(dict(files)), **annotations}
    if settings.storage.persistent:
        manifests.append(workloads.claim(meta, settings.storage.claim_spec()))
    return [
        *manifests,
        workloads.deployment(
            meta,
            selected=selected,
            pod_spec=pod_spec,
            replicas=1,
            strategy=settings.storage.strategy(),
            pod_labels=pod_labels,
            pod_annotations=annotations,
            scheduling=settings.scheduling,
        ),
        workloads.service(meta, selected=selected, ports=ports),
    ]
