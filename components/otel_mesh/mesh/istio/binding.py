"""The binding of an Istio."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_mesh.mesh.binding import CollectorIdentity, GatewayBinding, MeshBinding, MeshControlPlane, ProxyScraping

if TYPE_CHECKING:
    from otel_mesh.mesh.istio.settings import IstioSettings

_REVISION_LABEL: Final = "istio.io/rev"
_DEFAULT_REVISION: Final = "default"

_XDS_PORT: Final = 15012
"""Port of istiod for configuration and certificates, with TLS."""

_INJECTED_BY: Final = "otel-mesh.dev/mesh-revision"
"""Annotation of pods of a named revision. Sidecars are injected when a pod is created: a change of the revision has to
replace the pods."""

_CANONICAL_NAME: Final = "service.istio.io/canonical-name"
_CANONICAL_REVISION: Final = "service.istio.io/canonical-revision"

PROXY_SCRAPING: Final = ProxyScraping(
    pod_label=_CANONICAL_NAME,
    port_name="http-envoy-prom",
    # the merged metrics of agent and Envoy; traffic to this port is not redirected, so that a Prometheus outside the
    # mesh can scrape it by plain HTTP although mTLS is STRICT
    port=15020,
    path="/stats/prometheus",
    pod_labels={"service_name": _CANONICAL_NAME, "service_version": _CANONICAL_REVISION},
    match_labels=("__name__", "reporter", "response_code_class", "cluster_name"),
    # the series that rules/mesh.rules.yaml reads, out of some thousand of each proxy: calls by peer and status, and
    # durations at the callee
    series=(
        "istio_requests_total;.*",
        "istio_request_duration_milliseconds_bucket;destination;.*",
        r"envoy_cluster_upstream_rq;;[1-5]xx;(inbound|outbound)\|.*",
        r"envoy_cluster_upstream_rq_time_bucket;;;inbound\|.*",
    ),
)
"""Scraping of Istio's proxies, with Istio's own metrics or, for the public Envoy, with Envoy's cluster statistics."""


def istio_binding(
    settings: IstioSettings,
    *,
    gateway: GatewayBinding | None = None,
    collector: CollectorIdentity | None = None,
) -> MeshBinding:
    """The binding of an installed Istio.

    Args:
        settings: Settings of the installation.
        gateway: Gateway where requests from outside enter; None without one.
        collector: Workload identity of the Collector; None if it is not checked.
    """
    return MeshBinding(
        kind="istio",
        version=settings.version,
        revision=settings.revision,
        trust_domain=settings.trust_domain,
        # always the revision label: `istio-injection: enabled` would take precedence over it
        namespace_labels={_REVISION_LABEL: settings.revision or _DEFAULT_REVISION},
        pod_annotations={_INJECTED_BY: settings.revision} if settings.revision else {},
        outside_labels={"sidecar.istio.io/inject": "false"},
        resource_attributes={"service.mesh": "istio", "service.mesh.version": settings.version},
        peer_identity="xfcc-last",
        proxy_spans="envoy",
        proxy_scraping=PROXY_SCRAPING,
        gateway=gateway,
        collector=collector,
        control_plane=MeshControlPlane(namespace=settings.namespace, pod_labels={"app": "istiod"}, ports=(_XDS_PORT,)),
    )
