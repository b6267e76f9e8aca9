"""Tracing by a mesh's proxies."""

from __future__ import annotations

from pydantic import Field

from otel_mesh.core.values import Percentage, Port, Settings


class MeshTracing(Settings):
    """Sampling and attributes of the proxies' spans.

    Attributes:
        ingress_percentage: Share of the requests entering at a gateway that are traced, in percent. From Envoy 1.40 on
            this also limits which sampled trace contexts of clients are continued; earlier all of them are.
        internal_percentage: Share of the requests inside the mesh that may be traced, in percent. A request that
            arrives unsampled stays unsampled. Below 100, sidecars from Envoy 1.40 on cut traces that the gateway began.
        tags: Further attributes of every span, with fixed values.
        header_tags: Further attributes whose values come from request headers: attribute to header.
    """

    ingress_percentage: Percentage = 100.0
    internal_percentage: Percentage = 100.0
    tags: dict[str, str] = Field(default_factory=dict)
    header_tags: dict[str, str] = Field(default_factory=dict)


class Tracing(MeshTracing):
    """The proxies' spans and the Collector that receives them.

    Attributes:
        service: Fully qualified DNS name of the Collector's Service.
        port: Port of the Service for OTLP over gRPC.
        http_port: Port of the Service for OTLP over HTTP.
    """

    service: str
    port: Port = 4317
    http_port: Port = 4318
