"""What an application stack has to know of the mesh that it joins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from otel_mesh.core.errors import InvalidSettingsError, Problem
from otel_mesh.core.values import DnsLabel, Port, Settings

if TYPE_CHECKING:
    from typing import Self

MeshKind = Literal["none", "istio", "linkerd"]


class GatewayBinding(Settings):
    """Where requests from outside enter the mesh.

    Attributes:
        namespace: of the gateway.
        service: its Service.
        http_port: of the Service, for plain HTTP.
        https_port: of the Service, for TLS; None where the gateway has no certificate.
        service_account: that it runs as.
    """

    namespace: DnsLabel
    service: DnsLabel
    http_port: Port = 80
    https_port: Port | None = None
    service_account: DnsLabel


class CollectorIdentity(Settings):
    """Who takes telemetry.

    Attributes:
        namespace: of the Collector.
        service_account: that it runs as.
    """

    namespace: DnsLabel
    service_account: DnsLabel


class MeshBinding(Settings):
    """The part of an installed mesh that workloads see: plain data, so that it can be a stack's output.

    A platform stack exports `model_dump()`; another stack reads it through a `pulumi.StackReference` and calls
    `model_validate`. Components know this and nothing else of a mesh.

    Attributes:
        kind: which mesh.
        version: the mesh's version; empty without a mesh.
        revision: the control plane's revision that injects the pods; empty for the default one.
        trust_domain: SPIFFE trust domain of the workloads' identities; empty without a mesh.
        namespace_labels: labels that bring a namespace into the mesh.
        namespace_annotations: annotations that do.
        pod_labels: labels that every pod in the mesh carries.
        pod_annotations: annotations that it carries.
        outside_labels: labels that keep a pod out of the mesh although its namespace is in it.
        resource_attributes: OpenTelemetry resource attributes that tell the mesh (``service.mesh``...).
        gateway: where requests from outside enter; None without one.
        collector: who takes telemetry; None where its identity isn't checked.
    """

    kind: MeshKind
    version: str = ""
    revision: str = ""
    trust_domain: str = ""
    namespace_labels: dict[str, str] = Field(default_factory=dict)
    namespace_annotations: dict[str, str] = Field(default_factory=dict)
    pod_labels: dict[str, str] = Field(default_factory=dict)
    pod_annotations: dict[str, str] = Field(default_factory=dict)
    outside_labels: dict[str, str] = Field(default_factory=dict)
    resource_attributes: dict[str, str] = Field(default_factory=dict)
    gateway: GatewayBinding | None = None
    collector: CollectorIdentity | None = None

    @model_validator(mode="after")
    def _identities_need_a_trust_domain(self) -> Self:
        if self.kind != "none" and not self.trust_domain:
            problem = Problem("trust_domain", f"empty although the mesh is {self.kind}", "set the mesh's trust domain")
            raise InvalidSettingsError([problem])
        return self

    def labels_of_pods(self, *, meshed: bool) -> dict[str, str]:
        """The labels that a workload's pods carry, in the mesh or deliberately outside."""
        return self.pod_labels if meshed else self.outside_labels

    def annotations_of_pods(self, *, meshed: bool) -> dict[str, str]:
        """The annotations that a workload's pods carry."""
        return self.pod_annotations if meshed else {}

    def identity(self, namespace: str, service_account: str) -> str | None:
        """The SPIFFE identity that a workload proves by mTLS, or None without a mesh.

        Args:
            namespace: of the workload's pods.
            service_account: that they run as.
        """
        if self.kind == "none":
            return None
        return f"spiffe://{self.trust_domain}/ns/{namespace}/sa/{service_account}"


class NoMesh(MeshBinding):
    """The binding of a platform without a mesh: adds nothing.

    Attributes:
        kind: none.
    """

    kind: Literal["none"] = "none"
