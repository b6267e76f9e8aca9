"""The kinds of objects that workloads are made of, with what must never be forgotten filled in."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from otel_mesh.core.labels import Annotation
from otel_mesh.k8s.pods import container_security_context, security_context
from otel_mesh.k8s.scheduling import Scheduling

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pulumi

    from otel_mesh.k8s.manifests import Manifest

CLUSTER_DOMAIN: Final = "cluster.local"
"""The DNS domain of Kubernetes Services."""

_OLD_REPLICA_SETS: Final = 3
_ANYWHERE: Final = Scheduling()

# The provider's own wait for StatefulSets takes the status from before an update for the one after it, and so succeeds
# at once while the new pod can't even start; conditions by path heed .status.observedGeneration.
_POD_IS_NEW_AND_READY: Final = json.dumps(
    [f"jsonpath={{.status.{count}}}=1" for count in ("updatedReplicas", "readyReplicas", "availableReplicas")]
)


def _not_awaited(meta: Mapping[str, Any]) -> dict[str, Any]:
    return {**meta, "annotations": {**meta.get("annotations", {}), Annotation.SKIP_AWAIT.value: "true"}}


def container(name: str, image: Any, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - may be pulumi.Input
    """A hardened container; ``fields`` are those of the Kubernetes type."""
    return {"name": name, "image": image, "securityContext": container_security_context(), **fields}


def pod(  # noqa: PLR0913 - the parts of a pod, all by keyword
    containers: Sequence[Mapping[str, Any]],
    *,
    service_account: str,
    uid: int,
    volumes: Sequence[Mapping[str, Any]] = (),
    init_containers: Sequence[Mapping[str, Any]] = (),
    api_access: bool = False,
    grace_seconds: int = 30,
    scheduling: Scheduling = _ANYWHERE,
) -> dict[str, Any]:
    """The ``spec`` of a hardened pod.

    Args:
        containers: made by `container`.
        service_account: that it runs as.
        uid: user and group of its processes.
        volumes: that it mounts.
        init_containers: made by `container`; each ends before the next one and the others begin.
        api_access: whether the account's token is mounted.
        grace_seconds: between SIGTERM and SIGKILL.
        scheduling: where it runs.
    """
    return {
        "serviceAccountName": service_account,
        "automountServiceAccountToken": api_access,
        # no variables like POSTGRES_PORT=tcp://... for every Service of the namespace
        "enableServiceLinks": False,
        "securityContext": security_context(uid),
        "terminationGracePeriodSeconds": grace_seconds,
        **scheduling.pod_fields(),
        **({"initContainers": [dict(one) for one in init_containers]} if init_containers else {}),
        "containers": [dict(one) for one in containers],
        "volumes": [dict(one) for one in volumes],
    }


def _template(
    labels: Mapping[str, str], pod_spec: Mapping[str, Any], annotations: Mapping[str, str] | None
) -> dict[str, Any]:
    template: dict[str, Any] = {"metadata": {"labels": dict(labels)}, "spec": dict(pod_spec)}
    if annotations:
        template["metadata"]["annotations"] = dict(annotations)
    return template


def deployment(  # noqa: PLR0913 - the parts of a Deployment, all by keyword
    meta: Mapping[str, Any],
    *,
    selected: Mapping[str, str],
    pod_spec: Mapping[str, Any],
    replicas: int,
    strategy: Mapping[str, Any],
    pod_labels: Mapping[str, str] | None = None,
    pod_annotations: Mapping[str, str] | None = None,
    scheduling: Scheduling = _ANYWHERE,
) -> Manifest:
    """A Deployment.

    Args:
        meta: its metadata; the labels go to the pods too.
        selected: the labels that select the pods.
        pod_spec: made by `pod`.
        replicas: how many pods.
        strategy: how pods are replaced.
        pod_labels: further labels of the pods.
        pod_annotations: annotations of the pods.
        scheduling: over what the pods are spread.
    """
    # with one pod too: a changed number of pods must not change their template
    spec = {**pod_spec, "topologySpreadConstraints": scheduling.spread(selected)}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": dict(meta),
        "spec": {
            "replicas": replicas,
            "revisionHistoryLimit": _OLD_REPLICA_SETS,
            "selector": {"matchLabels": dict(selected)},
            "strategy": dict(strategy),
            "template": _template({**meta["labels"], **(pod_labels or {})}, spec, pod_annotations),
        },
    }


def stateful_set(
    meta: Mapping[str, Any],
    *,
    selected: Mapping[str, str],
    pod_spec: Mapping[str, Any],
    pod_labels: Mapping[str, str] | None = None,
    pod_annotations: Mapping[str, str] | None = None,
) -> Manifest:
    """A StatefulSet of one pod, whose claim is an object of its own.

    ``volumeClaimTemplates`` can't be changed, so that a bigger disk would replace the set; a separate claim grows in
    place and is seen in a preview.
    """
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {
            **meta,
            "annotations": {**meta.get("annotations", {}), Annotation.WAIT_FOR.value: _POD_IS_NEW_AND_READY},
        },
        "spec": {
            "replicas": 1,
            "revisionHistoryLimit": _OLD_REPLICA_SETS,
            "serviceName": meta["name"],
            # the other policy leaves a pod that can't start in place for ever, although its template was mended
            "podManagementPolicy": "Parallel",
            "selector": {"matchLabels": dict(selected)},
            "template": _template({**meta["labels"], **(pod_labels or {})}, pod_spec, pod_annotations),
        },
    }


def job(
    meta: Mapping[str, Any],
    *,
    pod_spec: Mapping[str, Any],
    deadline_seconds: int,
    pod_labels: Mapping[str, str] | None = None,
    pod_annotations: Mapping[str, str] | None = None,
) -> Manifest:
    """A Job of one pod that runs once, whatever becomes of it.

    It is not waited for, and stays when it has ended: one that went by itself would be made, and run, again.

    Args:
        meta: its metadata; the labels go to the pod too.
        pod_spec: made by `pod`.
        deadline_seconds: after which the pod is ended.
        pod_labels: further labels of the pod.
        pod_annotations: annotations of the pod.
    """
    spec = {**pod_spec, "restartPolicy": "Never"}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": _not_awaited(meta),
        "spec": {
            "backoffLimit": 0,
            "activeDeadlineSeconds": deadline_seconds,
            "template": _template({**meta["labels"], **(pod_labels or {})}, spec, pod_annotations),
        },
    }


def service(
    meta: Mapping[str, Any],
    *,
    selected: Mapping[str, str],
    ports: Mapping[str, tuple[int, str]],
    headless: bool = False,
) -> Manifest:
    """A Service inside the cluster.

    Args:
        meta: its metadata.
        selected: the labels that select the pods.
        ports: name to (number, application protocol); meshes read the name and the protocol.
        headless: whether its name means the pods' own addresses instead of one in front of them.

    It is not waited for: that its pods are ready is the workload's wait, which names the reason if they are not.
    """
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _not_awaited(meta),
        "spec": {
            "type": "ClusterIP",
            **({"clusterIP": "None"} if headless else {}),
            "selector": dict(selected),
            "ports": [
                {"name": name, "port": number, "targetPort": name, "protocol": "TCP", "appProtocol": protocol}
                for name, (number, protocol) in ports.items()
            ],
        },
    }


def config_map(meta: Mapping[str, Any], data: Mapping[str, str]) -> Manifest:
    """A ConfigMap; roll its readers with `Annotation.CONFIG_CHECKSUM`."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": dict(meta), "data": dict(data)}


def secret(meta: Mapping[str, Any], data: Mapping[str, pulumi.Input[str]]) -> Manifest:
    """An opaque Secret; its values must be secret outputs.

    No checksum of it stands in any pod template: a digest of a password doesn't belong into a plain state.
    """
    return {"apiVersion": "v1", "kind": "Secret", "metadata": dict(meta), "type": "Opaque", "stringData": dict(data)}


def claim(meta: Mapping[str, Any], spec: Mapping[str, Any]) -> Manifest:
    """A PersistentVolumeClaim.

    It is not waited for: many classes bind it only when its pod comes, and the pod's own wait names a claim that
    can't be bound.
    """
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": _not_awaited(meta), "spec": dict(spec)}


def service_account(meta: Mapping[str, Any]) -> Manifest:
    """An identity of its own for a workload; whether its token is mounted is the pod's decision."""
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": dict(meta),
        "automountServiceAccountToken": False,
    }


def disruption_budget(meta: Mapping[str, Any], selected: Mapping[str, str], max_unavailable: int = 1) -> Manifest:
    """Lets a drain of nodes take so many pods at a time; never hinders it, not even with a single pod."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": dict(meta),
        "spec": {"maxUnavailable": max_unavailable, "selector": {"matchLabels": dict(selected)}},
    }
