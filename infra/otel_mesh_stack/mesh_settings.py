"""The form of a stack's ``mesh`` setting."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from otel_mesh.istio.gateway import IngressGatewaySettings
from otel_mesh.istio.settings import IstioSettings, Percentage
from otel_mesh.values import DnsLabel, Settings


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
        tracing: spans of the proxies.
        node_from_file: whether OTEL_MESH_NODE_FILE tells where the nodes keep their network plugins.
    """

    kind: Literal["none", "istio"] = "none"
    istio: IstioSettings = IstioSettings()
    gateway: IngressGatewaySettings = IngressGatewaySettings()
    gateway_namespace: DnsLabel = "istio-ingress"
    tracing: MeshTracing = MeshTracing()
    node_from_file: bool = False
