"""Settings of the Istio golden files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otel_mesh.mesh.istio.binding import istio_binding
from otel_mesh.mesh.istio.charts import base_values, cni_values, istiod_values
from otel_mesh.mesh.istio.exposed_backends import BackendRoute, ExposedBackendsArgs, exposed_manifests
from otel_mesh.mesh.istio.gateway import IngressGatewayArgs, gateway_manifests
from otel_mesh.mesh.istio.install import istio_namespaces
from otel_mesh.mesh.istio.policy import (
    mesh_telemetry,
    peer_authentication,
    telemetry_senders,
    untraced_exports,
    untraced_namespace,
)
from otel_mesh.mesh.istio.routes import delegate_name, delegated_virtual_service
from otel_mesh.mesh.istio.settings import IstioSettings
from otel_mesh.mesh.policies.ingress import IngressGatewaySettings, Route
from otel_mesh.mesh.policies.team_routes import TeamRoute
from otel_mesh.mesh.policies.tokens import TokenSettings
from otel_mesh.mesh.tracing import Tracing

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_mesh.k8s.manifests import Manifest

DEFAULTS: Final = IstioSettings()
CHANGED: Final = IstioSettings.model_validate(
    {
        "version": "1.31.0",
        "revision": "canary",
        "trust_domain": "mesh.example",
        "control_plane": {
            "replicas": 1,
            "image": "registry.example/pilot:1",
            "environment": {"PILOT_ENABLE_ALPN_FILTER": "false"},
        },
        "proxy": {
            "image": "registry.example/proxyv2:1",
            "istio_metrics": False,
            "envoy_metrics": ["cluster\\.outbound.*upstream_rq"],
        },
        "cni": {
            "image": "registry.example/install-cni:1",
            "bin_dir": "/usr/lib/cni",
            "conf_file": "10-bridge.conflist",
            "repair": "delete-pods",
        },
        "outbound": "allow-any",
        "access_logs": False,
        "crds": "delete",
    }
)
TRACING: Final = Tracing(service="otel-collector.observability.svc.cluster.local")
TAGGED: Final = Tracing(
    service="otel-collector.observability.svc.cluster.local",
    ingress_percentage=12.5,
    tags={"k8s.cluster.name": "big"},
    header_tags={"otel_mesh.canary": "x-canary"},
)
TOKENS: Final = TokenSettings(
    issuer="https://issuer.example", audiences=("shop",), jwks_uri="https://issuer.example/keys"
)
ROUTES: Final = (Route(host="api-gateway.shop.svc.cluster.local", port=8080),)
TEAM_ROUTES: Final = (
    TeamRoute(namespace="mobile", service="mobile-api", path_prefix="/mobile"),
    TeamRoute(namespace="reviews", service="reviews", host="reviews.example.com"),
)


def _gateway(istio: IstioSettings, tracing: Tracing, settings: IngressGatewaySettings, **more: Any) -> list[Manifest]:  # noqa: ANN401 - arguments
    args = IngressGatewayArgs(
        namespace="istio-ingress",
        mesh=istio_binding(istio),
        routes=ROUTES,
        tracing=tracing,
        settings=settings,
        **more,
    )
    return gateway_manifests(args, settings)


def _values(settings: IstioSettings, tracing: Tracing) -> list[Manifest]:
    return [base_values(settings), cni_values(settings), istiod_values(settings, tracing, "production")]


SCHEDULED: Final = IstioSettings.model_validate(
    {
        "control_plane": {
            "replicas": 3,
            "scheduling": {
                "node_selector": {"kubernetes.io/os": "linux"},
                "tolerations": [{"key": "dedicated"}],
                "priority_class": "urgent",
                "topology_keys": ["topology.kubernetes.io/zone"],
                "image_pull_secrets": ["registry"],
            },
        }
    }
)

SCENARIOS: Final[dict[str, Callable[[], list[Manifest]]]] = {
    "values": lambda: _values(DEFAULTS, TRACING),
    "values-changed": lambda: _values(CHANGED, TAGGED),
    "values-scheduled": lambda: _values(SCHEDULED, TRACING),
    "namespaces": lambda: istio_namespaces(DEFAULTS),
    "policies": lambda: [
        peer_authentication(DEFAULTS),
        mesh_telemetry(DEFAULTS, TAGGED),
        untraced_exports(DEFAULTS, TAGGED),
        untraced_namespace("untraced", "observability"),
        telemetry_senders(
            "otel-collector-senders",
            "observability",
            {"app.kubernetes.io/name": "otel-collector"},
            senders=["spiffe://cluster.local/ns/shop/sa/api-gateway"],
            ports=(4317, 4318),
        ),
    ],
    "gateway": lambda: _gateway(DEFAULTS, TRACING, IngressGatewaySettings()),
    "gateway-tls": lambda: _gateway(
        CHANGED,
        TAGGED,
        IngressGatewaySettings(
            replicas=1,
            service_type="ClusterIP",
            hosts=("shop.example",),
            tls_secret="shop-certificate",  # noqa: S106 - the Secret's name
            plain_http="redirect",
            retries=0,
        ),
    ),
    "gateway-tls-given": lambda: _gateway(
        DEFAULTS,
        TRACING,
        IngressGatewaySettings(tls_secret="gateway-certificate"),  # noqa: S106 - the Secret's name
        certificate="from a file",
        private_key="from a secret output",
    ),
    "gateway-team-routes": lambda: [
        *_gateway(DEFAULTS, TRACING, IngressGatewaySettings(hosts=("*",)), team_routes=TEAM_ROUTES)[-3:],
        delegated_virtual_service(
            {"name": delegate_name("mobile-api"), "namespace": "mobile"},
            host="mobile-api.mobile.svc.cluster.local",
            port=8080,
            strip_prefix=True,
            retries=2,
        ),
    ],
    "exposed-backends": lambda: exposed_manifests(
        ExposedBackendsArgs(
            namespace="istio-ingress",
            gateway=IngressGatewaySettings(tls_secret="given").binding("istio-ingress"),  # noqa: S106 - the Secret's name
            routes=(
                BackendRoute(host="jaeger.example.com", service="jaeger.observability.svc.cluster.local", port=16686),
            ),
            tokens=TOKENS,
        )
    ),
    "gateway-tokens": lambda: _gateway(
        DEFAULTS, TRACING, IngressGatewaySettings(tokens=TOKENS), open_paths=("/api/orders", "/readyz")
    )[-2:],
}
