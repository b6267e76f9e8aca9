"""Environment variables that configure a program's telemetry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pulumi

    from otel_mesh.mesh.binding import MeshBinding


@dataclass(frozen=True, kw_only=True)
class TelemetryEnvironment:
    """Telemetry settings of a program's pods, which have the variables of `POD_FIELDS`.

    Attributes:
        service: ``service.name``, also the name of the container.
        version: ``service.version``.
        service_namespace: ``service.namespace``.
        environment: ``deployment.environment.name``.
        otlp_endpoint: URL of the Collector's OTLP receiver (gRPC).
        metric_interval_ms: Export interval of metrics in milliseconds.
        mesh: Mesh of the pods.
        sampling_ratio: Share of the traces starting at the program that are sampled.
        workload: Name of the workload; None for that of the service.
        owner: Resource attribute with the name of the workload.
    """

    service: str
    version: str
    service_namespace: str
    environment: str
    otlp_endpoint: pulumi.Input[str]
    metric_interval_ms: int
    mesh: MeshBinding
    sampling_ratio: float = 1.0
    workload: str | None = None
    owner: str = "k8s.deployment.name"

    def variables(self) -> dict[str, pulumi.Input[str]]:
        """The environment variables, see https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/."""
        attributes = ",".join(f"{key}={value}" for key, value in self._resource().items())
        return {
            "OTEL_SERVICE_NAME": self.service,
            "OTEL_RESOURCE_ATTRIBUTES": attributes,
            "OTEL_EXPORTER_OTLP_ENDPOINT": self.otlp_endpoint,
            "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
            **self._sampler(),
            "OTEL_METRIC_EXPORT_INTERVAL": str(self.metric_interval_ms),
        }

    def _resource(self) -> dict[str, str]:
        """Resource attributes, in which Kubernetes expands ``$(...)``.

        The pod reports its own attributes: the Collector cannot look up a pod by address in the pod's first seconds,
        and never behind a sidecar.
        """
        return {
            "service.namespace": self.service_namespace,
            "service.version": self.version,
            "service.instance.id": "$(POD_UID)",
            "deployment.environment.name": self.environment,
            "k8s.namespace.name": "$(POD_NAMESPACE)",
            self.owner: self.workload or self.service,
            "k8s.container.name": self.service,
            "k8s.pod.name": "$(POD_NAME)",
            "k8s.pod.uid": "$(POD_UID)",
            "k8s.pod.ip": "$(POD_IP)",
            "k8s.node.name": "$(NODE_NAME)",
            **self.mesh.resource_attributes,
        }

    def _sampler(self) -> dict[str, str]:
        """The sampler: a parent's decision holds; the ratio is for traces that start here."""
        if self.sampling_ratio == 1:
            return {"OTEL_TRACES_SAMPLER": "parentbased_always_on"}
        return {
            "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
            "OTEL_TRACES_SAMPLER_ARG": f"{self.sampling_ratio:g}",
        }
