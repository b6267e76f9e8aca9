"""The route of a team's service at the platform's gateway."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import pulumi

from otel_mesh.core.network import CLUSTER_DOMAIN
from otel_mesh.k8s.component import Component
from otel_mesh.mesh.istio.authorization import mesh_metadata
from otel_mesh.mesh.istio.routes import delegate_name, delegated_virtual_service

if TYPE_CHECKING:
    from otel_mesh.k8s.manifests import Manifest


@dataclass(frozen=True, kw_only=True)
class GatewayRouteArgs:
    """Arguments of a `GatewayRoute`.

    Attributes:
        namespace: Namespace of the service.
        service: Name of the service.
        port: Port of the service.
        strip_prefix: Whether the service gets the paths without the prefix that the platform granted.
        retries: Number of retries of safe requests: GET, HEAD, and requests with an ``idempotency-key``.
    """

    namespace: pulumi.Input[str]
    service: str
    port: int
    strip_prefix: bool = False
    retries: int = 2


def gateway_route_manifests(args: GatewayRouteArgs) -> list[Manifest]:
    """The VirtualService that the platform's gateway delegates to."""
    host = pulumi.Output.concat(args.service, ".", args.namespace, ".svc.", CLUSTER_DOMAIN)
    return [
        delegated_virtual_service(
            mesh_metadata(delegate_name(args.service), args.namespace),
            host=host,
            port=args.port,
            strip_prefix=args.strip_prefix,
            retries=args.retries,
        )
    ]


class GatewayRoute(Component):
    """Serves the place at the platform's gateway that the platform granted with a `TeamRoute`.

    Without such a grant the route has no effect.
    """

    TYPE: ClassVar[str] = "GatewayRoute"

    def __init__(self, name: str, args: GatewayRouteArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self.children(gateway_route_manifests(args))
        self.register_outputs({})
