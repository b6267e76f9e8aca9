"""Settings of the golden files of gateways of the Gateway API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otel_mesh import (
    DataPlane,
    GatewayApiGatewayArgs,
    GatewayController,
    IngressGatewaySettings,
    LinkerdSettings,
    ServiceRoute,
    TeamRoute,
    Tracing,
)
from otel_mesh.mesh.gateway_api.component import gateway_api_manifests
from otel_mesh.mesh.gateway_api.routes import service_route
from otel_mesh.mesh.linkerd.binding import linkerd_binding
from tests.components.mesh.linkerd.scenarios import COLLECTOR

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_mesh import MeshBinding
    from otel_mesh.k8s.manifests import Manifest

LINKERD: Final = LinkerdSettings.model_validate(
    {"trust_domain": "mesh.example", "proxy": {"skip_inbound_ports": [9000]}}
)
ENVOY: Final = GatewayController()
OTHER: Final = GatewayController(
    controller="other",
    gateway_class="contour",
    data_plane=DataPlane(
        namespace="projectcontour",
        service="envoy",
        service_account="envoy",
        pod_labels={"app": "envoy"},
        pod_ports=(8080, 8443),
    ),
)
TRACING: Final = Tracing(service="otel-collector.observability.svc.cluster.local")
TAGGED: Final = Tracing(
    service="otel-collector.observability.svc.cluster.local",
    ingress_percentage=12.5,
    tags={"k8s.cluster.name": "big", "share": "100%"},
    header_tags={"otel_mesh.canary": "x-canary"},
)
SECURE: Final = IngressGatewaySettings(
    hosts=("shop.example.com", "*.example.com"),
    tls_secret="shop-certificate",  # noqa: S106 - the Secret's name
    plain_http="redirect",
)
TEAMS: Final = (
    TeamRoute(namespace="mobile", service="mobile-api", path_prefix="/mobile"),
    TeamRoute(namespace="reviews", service="reviews", host="reviews.example.com"),
)


def bound(controller: GatewayController, settings: IngressGatewaySettings) -> MeshBinding:
    """A Linkerd with a gateway."""
    return linkerd_binding(LINKERD, gateway=controller.binding(settings), collector=COLLECTOR)


def gateway(
    controller: GatewayController,
    settings: IngressGatewaySettings,
    tracing: Tracing = TRACING,
    **more: Any,  # noqa: ANN401 - arguments
) -> list[Manifest]:
    """The objects of a gateway in front of one service."""
    args = GatewayApiGatewayArgs(
        namespace=controller.namespace,
        services_namespace="shop",
        routes=(ServiceRoute(service="api-gateway", port=8080),),
        tracing=tracing,
        environment="production",
        controller=controller,
        settings=settings,
        **{"mesh": bound(controller, settings), **more},
    )
    return gateway_api_manifests(args, settings)


def _team(controller: GatewayController, settings: IngressGatewaySettings) -> list[Manifest]:
    return service_route(
        "mobile-api",
        "mobile",
        controller.parent(settings),
        port=8080,
        prefix="/mobile",
        hosts=(),
        retries=2,
        strip_prefix=True,
    )


SCENARIOS: Final[dict[str, Callable[[], list[Manifest]]]] = {
    "envoy-gateway": lambda: gateway(ENVOY, IngressGatewaySettings()),
    "envoy-gateway-tls": lambda: gateway(ENVOY, SECURE, TAGGED, certificate="from a file", private_key="an output"),
    "envoy-gateway-teams": lambda: [
        *gateway(ENVOY, SECURE.model_copy(update={"plain_http": "serve"}), team_routes=TEAMS)[3:-2],
        *_team(ENVOY, IngressGatewaySettings()),
    ],
    "other-controller": lambda: [
        *gateway(OTHER, IngressGatewaySettings(replicas=1, outside_context="restart")),
        *_team(OTHER, IngressGatewaySettings(outside_context="continue")),
    ],
}
