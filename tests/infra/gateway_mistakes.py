"""Problems of a gateway of the Gateway API, in the form of `tests.infra.mistakes`."""

from __future__ import annotations

from typing import Any, Final

from tests.infra.exposure_mistakes import HOST, TOKENS
from tests.infra.mistake import Mistake


def _served(**fields: Any) -> dict[str, Any]:  # noqa: ANN401 - of a stack file
    return {"mesh__kind": "linkerd", "mesh__gateway_api": fields}


GATEWAYS: Final = (
    Mistake(
        "a controller of a gateway that an Istio has itself",
        {**_served(), "mesh__kind": "istio"},
        ("mesh.gateway_api: is for linkerd: an Istio has its own gateway; remove it",),
        in_editor=False,
    ),
    Mistake(
        "another controller whose pods are unknown",
        _served(controller="other"),
        (
            "mesh.gateway_api.gateway_class: is required with controller: other; name the controller's GatewayClass",
            (
                "mesh.gateway_api.data_plane: is required with controller: other: the mesh has to know who calls the "
                "services; name the pods that accept requests from outside"
            ),
        ),
        in_editor=False,
    ),
    Mistake(
        "the gateway in Envoy Gateway's own namespace",
        _served(namespace="envoy-gateway-system"),
        (
            (
                "mesh.gateway_api.namespace: 'envoy-gateway-system' is Envoy Gateway's own, which already exists; "
                "choose another namespace"
            ),
        ),
        in_editor=False,
    ),
    Mistake(
        "tokens that services would get",
        {**_served(), "mesh__gateway__tokens": TOKENS},
        (
            (
                "mesh.gateway.tokens: Envoy Gateway forwards clients' tokens to the services, which must not get them; "
                "remove it, or check tokens before the gateway"
            ),
        ),
        in_editor=False,
    ),
    Mistake(
        "backends at a gateway that checks no tokens",
        {**_served(), "mesh__exposed_backends": {"hosts": {"jaeger": HOST}, "tokens": TOKENS}},
        ("mesh.exposed_backends: needs the gateway of an Istio; install one, or remove it",),
        in_editor=False,
    ),
    Mistake(
        "two teams at one place",
        {
            **_served(),
            "mesh__team_routes": [
                {"namespace": "mobile", "service": "mobile-api", "path_prefix": "/mobile"},
                {"namespace": "web", "service": "web-api", "path_prefix": "/mobile"},
            ],
        },
        ("mesh.team_routes[1].path_prefix: '/mobile' is team_routes[0]; choose another place",),
        in_editor=False,
    ),
)
