"""The Kubernetes objects of a `Workload`."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from otel_mesh.core.endpoints import SecretKey
from otel_mesh.core.labels import Annotation
from otel_mesh.k8s.availability import autoscaler, disruption_budget
from otel_mesh.k8s.containers import config_map_key
from otel_mesh.k8s.environment import Variable
from otel_mesh.k8s.known import when_known
from otel_mesh.k8s.manifests import Manifest, checksum, metadata
from otel_mesh.k8s.pod_security import container_security_context, security_context
from otel_mesh.k8s.workload import CronJobShape, DeploymentShape, JobShape, StatefulSetShape

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pulumi

    from otel_mesh.k8s.containers import Container
    from otel_mesh.k8s.workload import Workload

_REVISION_HISTORY: Final = 3

# The provider's own wait for StatefulSets reads the status from before the update and succeeds although the new pod
# cannot start; conditions by path respect .status.observedGeneration.
_COUNTS: Final = ("updatedReplicas", "readyReplicas", "availableReplicas")


def render(workload: Workload) -> list[Manifest]:
    """All objects of a workload, dependencies first."""
    return [*prerequisites(workload), controller(workload), *front(workload)]


def render_versions(workload: Workload, further: Sequence[Workload]) -> list[Manifest]:
    """All objects of a workload with several versions behind one Service, dependencies first.

    Args:
        workload: First version, whose ServiceAccount, volumes and Service belong to all of them.
        further: Further versions, each with a controller and a PodDisruptionBudget of its own.
    """
    return [
        *prerequisites(workload),
        controller(workload),
        *(controller(one) for one in further),
        *front(workload),
        *(one for version in further for one in (*disruption_budget(version), *autoscaler(version))),
    ]


def prerequisites(workload: Workload) -> list[Manifest]:
    """The objects that the pods refer to: ServiceAccount, ConfigMap, Secrets, PersistentVolumeClaims."""
    manifests: list[Manifest] = [
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": _account_metadata(workload),
            # the pod decides whether the token is mounted
            "automountServiceAccountToken": False,
        }
    ]
    if workload.files:
        data = {config_map_key(path): text for path, text in workload.files.items()}
        manifests.append({"apiVersion": "v1", "kind": "ConfigMap", "metadata": workload.metadata(), "data": data})
    manifests += [
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": workload.metadata(name),
            "type": "Opaque",
            "stringData": dict(data),
        }
        for name, data in workload.secrets.items()
    ]
    # not awaited: many storage classes bind a claim when its pod is scheduled, and the wait for the pod reports a
    # claim that cannot be bound
    manifests += [
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": _not_awaited(workload.metadata(volume.claim[0])),
            "spec": dict(volume.claim[1]),
        }
        for volume in workload.volumes
        if volume.claim is not None and not volume.per_pod
    ]
    return manifests


def controller(workload: Workload) -> Manifest:
    """The Deployment, StatefulSet, Job or CronJob that runs the pods."""
    match workload.shape:
        case DeploymentShape():
            return _deployment(workload, workload.shape)
        case StatefulSetShape():
            return _stateful_set(workload, workload.shape)
        case JobShape():
            return _job(workload, workload.shape)
        case CronJobShape():
            return _cron_job(workload, workload.shape)


def front(workload: Workload) -> list[Manifest]:
    """The objects in front of the pods: Service, PodDisruptionBudget and HorizontalPodAutoscaler."""
    manifests: list[Manifest] = []
    if workload.ports:
        manifests.append(_service(workload))
        if isinstance(workload.shape, StatefulSetShape) and workload.shape.headless_service is not None:
            manifests.append(_service(replace(workload, headless=True), workload.shape.headless_service))
    return [*manifests, *disruption_budget(workload), *autoscaler(workload)]


def _account_metadata(workload: Workload) -> Manifest:
    labels = {**workload.labels, **workload.account_labels}
    return metadata(workload.name, labels, namespace=workload.namespace, annotations=workload.account_annotations)


def _not_awaited(meta: Mapping[str, Any]) -> dict[str, Any]:
    return {**meta, "annotations": {Annotation.SKIP_AWAIT.value: "true"}}


def _deployment(workload: Workload, shape: DeploymentShape) -> Manifest:
    # also for a single pod: another number of replicas must not change the pod template
    spread = workload.scheduling.spread(workload.selector)
    # only one pod at a time can lock a claim's files
    claims = any(volume.claim for volume in workload.volumes)
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": workload.metadata(),
        "spec": {
            "replicas": shape.replicas,
            "revisionHistoryLimit": _REVISION_HISTORY,
            "selector": {"matchLabels": workload.selector},
            "strategy": {"type": "Recreate"} if claims else rolling,
            "template": _template(workload, topologySpreadConstraints=spread),
        },
    }


def _stateful_set(workload: Workload, shape: StatefulSetShape) -> Manifest:
    """A StatefulSet; only volumes of single pods have ``volumeClaimTemplates``.

    Those are immutable, so a larger disk would replace the StatefulSet; a claim of its own is resized in place, and a
    preview shows it.
    """
    templates = [
        {"metadata": {"name": volume.claim[0], "labels": workload.selector}, "spec": dict(volume.claim[1])}
        for volume in workload.volumes
        if volume.claim is not None and volume.per_pod
    ]
    spread = workload.scheduling.spread(workload.selector) if templates or shape.replicas > 1 else []
    ready = [f"jsonpath={{.status.{count}}}={shape.replicas}" for count in _COUNTS]
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {
            **workload.metadata(),
            "annotations": {Annotation.WAIT_FOR.value: json.dumps(ready)},
        },
        "spec": {
            "replicas": shape.replicas,
            "revisionHistoryLimit": _REVISION_HISTORY,
            "serviceName": shape.headless_service or workload.name,
            # with OrderedReady, a pod that cannot start is never replaced, even after the template is corrected
            "podManagementPolicy": "Parallel",
            "selector": {"matchLabels": workload.selector},
            "template": _template(workload, **({"topologySpreadConstraints": spread} if spread else {})),
            **({"volumeClaimTemplates": templates} if templates else {}),
        },
    }


def _job(workload: Workload, shape: JobShape) -> Manifest:
    """A Job that is not awaited and never deleted: a deleted one would be created, and run, again."""
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": _not_awaited(workload.metadata()),
        "spec": _job_spec(workload, shape),
    }


def _cron_job(workload: Workload, shape: CronJobShape) -> Manifest:
    late = shape.starting_deadline_seconds
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": workload.metadata(),
        "spec": {
            "schedule": shape.schedule,
            **({} if shape.time_zone is None else {"timeZone": shape.time_zone}),
            "concurrencyPolicy": shape.concurrency,
            **({} if late is None else {"startingDeadlineSeconds": late}),
            "successfulJobsHistoryLimit": 3,
            "failedJobsHistoryLimit": 3,
            "jobTemplate": {"metadata": {"labels": workload.labels}, "spec": _job_spec(workload, shape.job)},
        },
    }


def _job_spec(workload: Workload, shape: JobShape) -> dict[str, Any]:
    return {
        "backoffLimit": shape.retries,
        "activeDeadlineSeconds": shape.deadline_seconds,
        "template": _template(workload, restartPolicy="Never"),
    }


def _template(workload: Workload, **further: Any) -> dict[str, Any]:  # noqa: ANN401 - fields of a pod
    meta: dict[str, Any] = {"labels": {**workload.labels, **workload.pod_labels}}
    digest = {Annotation.CONFIG_CHECKSUM.value: when_known(workload.files, checksum)} if workload.files else {}
    annotations = {**digest, **workload.pod_annotations}
    if annotations:
        meta["annotations"] = annotations
    init = [_container(one) for one in workload.init_containers]
    aliases = [{"ip": address, "hostnames": list(names)} for address, names in workload.host_aliases.items()]
    spec = {
        "serviceAccountName": workload.service_account or workload.name,
        "automountServiceAccountToken": workload.api_access,
        # no variables such as POSTGRES_PORT=tcp://... for every Service of the namespace
        "enableServiceLinks": False,
        "securityContext": security_context(workload.uid, workload.gid),
        "terminationGracePeriodSeconds": workload.grace_seconds,
        **workload.scheduling.pod_fields(),
        **({"hostAliases": aliases} if aliases else {}),
        **({"initContainers": init} if init else {}),
        "containers": [_container(one) for one in workload.containers],
        "volumes": [volume.manifest() for volume in workload.volumes if not volume.per_pod],
        **further,
    }
    return {"metadata": meta, "spec": spec}


def _container(one: Container) -> dict[str, Any]:
    env: list[dict[str, Any]] = [
        {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}} for name, path in one.pod_fields.items()
    ]
    env += [{"name": name, **_variable(value)} for name, value in one.env.items()]
    fields: dict[str, Any] = {
        "command": list(one.command),
        "args": list(one.args),
        "env": env,
        "ports": [{"name": port.name, "containerPort": port.number} for port in one.ports],
        **(one.probes.manifest() if one.probes else {}),
        "lifecycle": dict(one.lifecycle),
        "resources": one.resources.manifest() if one.resources else {},
        "volumeMounts": [volume.mount() for volume in one.volumes],
    }
    return {
        "name": one.name,
        "image": one.image,
        "securityContext": container_security_context(),
        **{name: value for name, value in fields.items() if value},
        **one.further,
    }


def _variable(value: pulumi.Input[str] | Variable | SecretKey) -> dict[str, Any]:
    if isinstance(value, SecretKey):
        value = Variable(secret=value.secret, key=value.key)
    return value.manifest() if isinstance(value, Variable) else {"value": value}


def _service(workload: Workload, name: str | None = None) -> Manifest:
    """A Service inside the cluster, not awaited: the wait for the pods reports why they are not ready."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _not_awaited(workload.metadata(name)),
        "spec": {
            "type": "ClusterIP",
            **({"clusterIP": "None"} if workload.headless else {}),
            "selector": dict(workload.service_selector or workload.selector),
            "ports": [
                {
                    "name": port.name,
                    "port": port.number,
                    "targetPort": port.name,
                    "protocol": "TCP",
                    "appProtocol": workload.app_protocols.get(protocol, protocol),
                }
                for port in workload.ports
                if (protocol := port.protocol) is not None
            ],
        },
    }
