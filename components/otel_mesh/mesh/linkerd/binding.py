"""The binding of a Linkerd."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_mesh.mesh.binding import (
    CollectorIdentity,
    GatewayBinding,
    MeshBinding,
    MeshControlPlane,
    ProxyScraping,
    ProxySpans,
)

if TYPE_CHECKING:
    from otel_mesh.mesh.linkerd.settings import LinkerdSettings

MESH_LABEL: Final = "otel-mesh.dev/mesh"
"""Label of the namespaces in the mesh: Linkerd itself reads an annotation, which NetworkPolicies cannot select."""
_INJECT: Final = "linkerd.io/inject"
_SKIPPED: Final = "config.linkerd.io/skip-inbound-ports"
_ADMIN_PORT: Final = 4191
_INBOUND_PORT: Final = 4143
TRUST_MARKER: Final = "otel-mesh.dev/mesh-trust"
"""Annotation that names the mesh's certificates: proxies read the trust anchors when they start."""

APP_PROTOCOLS: Final = {"grpc": "kubernetes.io/h2c"}
"""Values of ``appProtocol``: ports with one that Linkerd does not know, such as ``grpc``, are opaque to its proxies."""

PROXY_SCRAPING: Final = ProxyScraping(
    pod_label="linkerd.io/proxy-deployment",
    port_name="linkerd-admin",
    # linkerd-cni does not redirect this port, so that a Prometheus outside the mesh can scrape it by plain HTTP
    port=_ADMIN_PORT,
    path="/metrics",
    pod_labels={"service_name": "app.kubernetes.io/name", "service_version": "version"},
    match_labels=("__name__", "direction"),
    series=(
        "(request|response)_total;(inbound|outbound)",
        "response_latency_ms_bucket;inbound",
        "outbound_http_route_retry_(requests|successes)_total;.*",
        "inbound_http_authz_(allow|deny)_total;.*",
    ),
)
"""Scraping of Linkerd's proxies (https://linkerd.io/2/reference/proxy-metrics/)."""


def linkerd_binding(
    settings: LinkerdSettings,
    *,
    gateway: GatewayBinding | None = None,
    collector: CollectorIdentity | None = None,
    trust_marker: str = "",
) -> MeshBinding:
    """The binding of an installed Linkerd.

    Args:
        settings: Settings of the installation.
        gateway: Gateway where requests from outside enter; None without one.
        collector: Workload identity of the Collector; None if it is not in the mesh.
        trust_marker: Text that changes with the trust anchors and the issuer.
    """
    proxy = settings.proxy
    skipped = {
        _SKIPPED: proxy.skip_inbound_ports,
        "config.linkerd.io/skip-outbound-ports": proxy.skip_outbound_ports,
    }
    return MeshBinding(
        kind="linkerd",
        version=settings.version,
        trust_domain=settings.trust_domain,
        identity_format=f"{{service_account}}.{{namespace}}.serviceaccount.identity.{settings.namespace}.{{trust_domain}}",
        namespace_labels={MESH_LABEL: "linkerd"},
        namespace_annotations={_INJECT: "enabled", "config.linkerd.io/default-inbound-policy": proxy.inbound},
        pod_annotations={
            **({TRUST_MARKER: trust_marker} if trust_marker else {}),
            **{key: ",".join(str(port) for port in ports) for key, ports in skipped.items() if ports},
        },
        outside_annotations={_INJECT: "disabled"},
        resource_attributes={"service.mesh": "linkerd", "service.mesh.version": settings.version},
        peer_identity="l5d-client-id",
        proxy_spans=linkerd_proxy_spans(settings, gateway),
        proxy_scraping=PROXY_SCRAPING,
        gateway=gateway,
        collector=collector,
        control_plane=MeshControlPlane(
            namespace=settings.namespace,
            pod_labels={"linkerd.io/control-plane-ns": settings.namespace},
            ports=_CONTROL_PORTS,
            telemetry_accounts=_ACCOUNTS if proxy.tracing else (),
        ),
        app_protocols=APP_PROTOCOLS,
        span_networks=settings.cluster_networks if proxy.tracing and proxy.unidentified_spans else (),
        proxy_ports=(_INBOUND_PORT,),
        bypass_annotation=_SKIPPED,
    )


def linkerd_proxy_spans(settings: LinkerdSettings, gateway: GatewayBinding | None) -> ProxySpans:
    """Kind of the proxies that make spans.

    Args:
        settings: Settings of the installation.
        gateway: Gateway where requests from outside enter; None without one.
    """
    if not settings.proxy.tracing:
        return ""
    return "envoy+linkerd" if gateway is not None and gateway.envoy_spans else "linkerd"


_ACCOUNTS: Final = ("linkerd-destination", "linkerd-identity", "linkerd-proxy-injector")
_CONTROL_PORTS: Final = (8080, 8086, 8090, _INBOUND_PORT)
"""Ports of the control plane's pods: identity, destination, policy, and their proxies' own."""
