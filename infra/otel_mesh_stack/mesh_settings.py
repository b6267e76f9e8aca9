"""The form of a stack's ``mesh`` setting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from otel_mesh.core.errors import InvalidSettingsError, Problem
from otel_mesh.core.values import DnsLabel, Percentage, Settings
from otel_mesh.mesh.istio.gateway import IngressGatewaySettings
from otel_mesh.mesh.istio.settings import IstioSettings
from otel_mesh_stack.secret_files import FileName  # noqa: TC001 - pydantic reads it at run time

if TYPE_CHECKING:
    from typing import Self


class MeshTracing(Settings):
    """Spans of the mesh's proxies.

    Attributes:
        ingress_percentage: of the requests that enter at the gateway, those that are traced.
        internal_percentage: of the requests inside the mesh that may be traced.
        tags: further attributes of every span, with fixed values.
        header_tags: further attributes that are taken from request headers: attribute to header.
    """

    ingress_percentage: Percentage = 100.0
    internal_percentage: Percentage = 100.0
    tags: dict[str, str] = Field(default_factory=dict)
    header_tags: dict[str, str] = Field(default_factory=dict)


class MeshSettings(Settings):
    """Which mesh a stack has.

    Attributes:
        kind: none, or the mesh that is installed.
        istio: the installation, where ``kind`` is ``istio``.
        gateway: where requests from outside enter.
        gateway_namespace: where the gateway lives.
        gateway_certificate: name of two files in OTEL_MESH_SECRETS_DIR, ending in ``.crt`` and ``.key`` (PEM), from
            which the Secret is made that ``gateway.tls_secret`` names; None where that exists.
        tracing: spans of the proxies.
        node_from_file: whether OTEL_MESH_NODE_FILE tells where the nodes keep their network plugins.
    """

    kind: Literal["none", "istio"] = "none"
    istio: IstioSettings = IstioSettings()
    gateway: IngressGatewaySettings = IngressGatewaySettings()
    gateway_namespace: DnsLabel = "istio-ingress"
    gateway_certificate: FileName | None = None
    tracing: MeshTracing = MeshTracing()
    node_from_file: bool = False

    @model_validator(mode="after")
    def _certificate_has_its_secret(self) -> Self:
        if self.gateway_certificate is not None and self.gateway.tls_secret is None:
            reason = "the Secret that it becomes has no name"
            raise InvalidSettingsError([Problem("gateway_certificate", reason, "set gateway.tls_secret")])
        return self
