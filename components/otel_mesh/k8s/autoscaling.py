"""Number of pods by load: Kubernetes' HorizontalPodAutoscaler."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, model_validator

from otel_mesh.core.errors import InvalidSettingsError, Problem
from otel_mesh.core.values import LabelValue, Quantity, Replicas, Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

    from otel_mesh.k8s.manifests import Manifest
    from otel_mesh.k8s.workload import Workload

Share = Annotated[int, Field(ge=1, le=1000)]
"""Share of a request in percent."""


class MetricTarget(Settings):
    """A metric of Prometheus that a metrics adapter of the cluster serves as ``external.metrics.k8s.io``.

    Attributes:
        name: Name of the metric in the adapter.
        labels: Labels that select its series.
        per_pod: Value that each pod should handle.
    """

    name: Annotated[str, Field(pattern=r"^[a-zA-Z_:][a-zA-Z0-9_:.-]*$", max_length=253)]
    labels: dict[str, LabelValue] = Field(default_factory=dict)
    per_pod: Quantity

    def manifest(self) -> dict[str, Any]:
        """The entry of the autoscaler's ``metrics``."""
        selector = {"selector": {"matchLabels": dict(self.labels)}} if self.labels else {}
        target = {"type": "AverageValue", "averageValue": self.per_pod}
        return {"type": "External", "external": {"metric": {"name": self.name, **selector}, "target": target}}


class Autoscaling(Settings):
    """Number of pods by load, between two bounds; the highest number that one of the targets asks for.

    Attributes:
        min: Lowest number of pods.
        max: Highest number of pods.
        cpu_percent: Mean CPU use of the pods, in percent of their requests.
        memory_percent: Mean memory use of the pods, in percent of their requests.
        metrics: Metrics of Prometheus.
        scale_down_seconds: Time for which fewer pods must have sufficed before pods are removed.
    """

    min: Replicas = 2
    max: Replicas
    cpu_percent: Share | None = None
    memory_percent: Share | None = None
    metrics: tuple[MetricTarget, ...] = ()
    scale_down_seconds: Annotated[int, Field(ge=0, le=3600)] = 300

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        problems = list(self._problems())
        if problems:
            raise InvalidSettingsError(problems)
        return self

    def _problems(self) -> Iterator[Problem]:
        if self.max < self.min:
            yield Problem("max", "is below 'min'", "raise it or lower 'min'")
        if self.cpu_percent is None and self.memory_percent is None and not self.metrics:
            yield Problem("", "no target", "give cpu_percent, memory_percent or metrics")

    def manifest(self, workload: Workload) -> Manifest:
        """The HorizontalPodAutoscaler of a Deployment."""
        resources = {"cpu": self.cpu_percent, "memory": self.memory_percent}
        return {
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": workload.metadata(),
            "spec": {
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": workload.name},
                "minReplicas": self.min,
                "maxReplicas": self.max,
                "metrics": [
                    *(_resource(name, share) for name, share in resources.items() if share is not None),
                    *(one.manifest() for one in self.metrics),
                ],
                "behavior": {"scaleDown": {"stabilizationWindowSeconds": self.scale_down_seconds}},
            },
        }


def _resource(name: str, share: int) -> dict[str, Any]:
    target = {"type": "Utilization", "averageUtilization": share}
    return {"type": "Resource", "resource": {"name": name, "target": target}}
