"""The route of a team's service at the platform's gateway."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pulumi  # noqa: TC002 - a component plugin reads it at run time

from otel_mesh.k8s.component import Component
from otel_mesh.mesh.binding import MeshBinding  # noqa: TC001 - a component plugin reads it at run time
from otel_mesh.mesh.control.renderers import renderer
from otel_mesh.mesh.policies.team_routes import ServedRoute


@dataclass(frozen=True, kw_only=True)
class GatewayRouteArgs:
    """Arguments of a `GatewayRoute`.

    Attributes:
        namespace: Namespace of the service.
        service: Name of the service.
        port: Port of the service.
        mesh: Binding of the mesh.
        strip_prefix: Whether the service gets the paths without the prefix that the platform granted.
        retries: Number of retries of safe requests: GET, HEAD, and requests with an ``idempotency-key``.
        host: Host name that the platform granted; None for the hosts of the platform's own services. An Istio takes it
            from the platform's own objects.
        path_prefix: Prefix that the platform granted; see ``host``.
    """

    namespace: pulumi.Input[str]
    service: str
    port: int
    mesh: MeshBinding
    strip_prefix: bool = False
    retries: int = 2
    host: str | None = None
    path_prefix: str = "/"


class GatewayRoute(Component):
    """Serves the place at the platform's gateway that the platform granted with a `TeamRoute`.

    Without such a grant the route has no effect.

    Raises:
        InvalidSettingsError: There is no mesh, or its gateway cannot do what is asked.
    """

    TYPE: ClassVar[str] = "GatewayRoute"

    def __init__(self, name: str, args: GatewayRouteArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        route = ServedRoute(
            service=args.service,
            port=args.port,
            strip_prefix=args.strip_prefix,
            retries=args.retries,
            host=args.host,
            path_prefix=args.path_prefix,
        )
        manifests = renderer(args.mesh).gateway_route(route, args.mesh, args.namespace)
        super().__init__(name, opts)
        self.children(manifests)
        self.register_outputs({})
