"""What keeps a workload available: its PodDisruptionBudget and its HorizontalPodAutoscaler."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_mesh.k8s.workload import DeploymentShape, StatefulSetShape

if TYPE_CHECKING:
    from otel_mesh.k8s.manifests import Manifest
    from otel_mesh.k8s.workload import Workload


def disruption_budget(workload: Workload) -> list[Manifest]:
    """The PodDisruptionBudget, if the workload has one."""
    if not isinstance(workload.shape, DeploymentShape | StatefulSetShape) or not workload.shape.disruption_budget:
        return []
    unhealthy = workload.shape.unhealthy_pod_eviction if isinstance(workload.shape, DeploymentShape) else None
    spec = {
        "maxUnavailable": workload.scheduling.max_unavailable,
        "selector": {"matchLabels": workload.selector},
        **({} if unhealthy is None else {"unhealthyPodEvictionPolicy": unhealthy}),
    }
    meta = workload.metadata()
    return [{"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": meta, "spec": spec}]


def autoscaler(workload: Workload) -> list[Manifest]:
    """The HorizontalPodAutoscaler, if the workload has one."""
    if not isinstance(workload.shape, DeploymentShape) or workload.shape.autoscaling is None:
        return []
    return [workload.shape.autoscaling.manifest(workload)]
