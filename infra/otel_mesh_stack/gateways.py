"""The gateway in front of a stack's exposed services."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from otel_mesh import (
    AccessControl,
    AccessControlArgs,
    GatewayApiGateway,
    GatewayApiGatewayArgs,
    IngressGateway,
    IngressGatewayArgs,
    Route,
    ServiceRoute,
    service_host,
)
from otel_mesh_stack.mesh import tracing
from otel_mesh_stack.services import OPEN_PATHS

if TYPE_CHECKING:
    import pulumi

    from otel_mesh import Catalog, GatewayController
    from otel_mesh_stack.mesh import Mesh
    from otel_mesh_stack.settings import Stack

Gateway: TypeAlias = IngressGateway | GatewayApiGateway
"""Component of a gateway."""


def declare(
    stack: Stack,
    catalog: Catalog,
    mesh: Mesh,
    *,
    gateway: pulumi.Input[str],
    services: pulumi.Input[str],
) -> Gateway:
    """Declares the gateway of a stack's mesh.

    Args:
        stack: The stack.
        catalog: Catalog of the services.
        mesh: Mesh of the stack.
        gateway: Namespace of the gateway.
        services: Namespace of the services.
    """
    controller = stack.settings.mesh.gateway_api
    if controller is not None:
        return _served(stack, catalog, mesh, controller, gateway=gateway, services=services)
    settings, certificate = stack.settings, stack.gateway_certificate
    routes = tuple(
        Route(host=service_host(one.name, settings.namespaces.services), port=one.port, prefix=one.path_prefix)
        for one in catalog.services
        if one.exposed
    )
    args = IngressGatewayArgs(
        namespace=gateway,
        mesh=mesh.binding,
        routes=routes,
        tracing=tracing(settings),
        certificate=certificate.chain if certificate else None,
        private_key=certificate.private_key if certificate else None,
        settings=settings.mesh.gateway,
        open_paths=OPEN_PATHS,
        team_routes=settings.mesh.team_routes,
    )
    return IngressGateway("gateway", args, mesh.opts)


def _served(  # noqa: PLR0913 - what the caller knows
    stack: Stack,
    catalog: Catalog,
    mesh: Mesh,
    controller: GatewayController,
    *,
    gateway: pulumi.Input[str],
    services: pulumi.Input[str],
) -> GatewayApiGateway:
    """The gateway that a controller of the Gateway API serves; the mesh refuses its pods all undeclared calls."""
    settings, certificate = stack.settings, stack.gateway_certificate
    if controller.is_envoy:  # its pods are in this namespace
        rest = AccessControlArgs(namespace=gateway, accesses=(), mesh=mesh.binding)
        AccessControl("gateway-access", rest, mesh.opts)
    args = GatewayApiGatewayArgs(
        namespace=gateway,
        services_namespace=services,
        mesh=mesh.binding,
        controller=controller,
        routes=tuple(
            ServiceRoute(service=one.name, port=one.port, prefix=one.path_prefix)
            for one in catalog.services
            if one.exposed
        ),
        tracing=tracing(settings),
        environment=settings.environment,
        certificate=certificate.chain if certificate else None,
        private_key=certificate.private_key if certificate else None,
        settings=settings.mesh.gateway,
        team_routes=settings.mesh.team_routes,
    )
    return GatewayApiGateway("gateway", args, mesh.opts)
