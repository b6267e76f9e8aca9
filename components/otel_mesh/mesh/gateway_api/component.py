"""A gateway made of the Gateway API's objects, for a mesh without a gateway of its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Final

import pulumi

from otel_mesh.core.errors import InvalidSettingsError, Problem, parse
from otel_mesh.core.labels import Annotation
from otel_mesh.core.values import DnsLabel, PathPrefix, Port, Settings
from otel_mesh.k8s.component import Component
from otel_mesh.mesh.binding import MeshBinding  # noqa: TC001 - a component plugin reads it at run time
from otel_mesh.mesh.gateway_api import envoy
from otel_mesh.mesh.gateway_api.grants import route_grants
from otel_mesh.mesh.gateway_api.kinds import ENVOY_GATEWAY, ENVOY_PROXY
from otel_mesh.mesh.gateway_api.routes import edge_metadata, gateway_object, https_redirect, service_route
from otel_mesh.mesh.gateway_api.settings import GatewayController
from otel_mesh.mesh.policies.certificates import certificate_secret
from otel_mesh.mesh.policies.ingress import IngressGatewaySettings
from otel_mesh.mesh.policies.team_routes import TeamRoute, require_distinct_routes
from otel_mesh.mesh.tracing import Tracing  # noqa: TC001 - a component plugin reads it at run time

if TYPE_CHECKING:
    from otel_mesh.k8s.manifests import Manifest
    from otel_mesh.mesh.gateway_api.gateway_types import Infrastructure


class ServiceRoute(Settings):
    """A Service of the platform that a gateway forwards requests to.

    Attributes:
        service: Name of the Service.
        port: Port of the Service.
        prefix: Prefix of the paths that are forwarded, by whole segments.
    """

    service: DnsLabel
    port: Port
    prefix: PathPrefix = "/"


@dataclass(frozen=True, kw_only=True)
class GatewayApiGatewayArgs:
    """Arguments of a `GatewayApiGateway`.

    Attributes:
        namespace: Namespace of the Gateway object, which has the name in ``controller.namespace``.
        services_namespace: Namespace of the Services in ``routes``.
        mesh: Mesh of the gateway's pods.
        routes: Services that requests are forwarded to.
        tracing: Sampling of the requests that enter here, if the mesh's proxies make spans.
        environment: ``deployment.environment.name`` of the gateway's spans.
        controller: Controller that serves the gateway.
        certificate: Certificate chain in PEM, leaf first, from which the Secret ``settings.tls_secret`` is made. Not
            set if the Secret exists already.
        private_key: Private key of the certificate in PEM, a secret output.
        settings: Settings, or a mapping of their fields.
        team_routes: Places that services of teams' stacks may serve.
    """

    namespace: pulumi.Input[str]
    services_namespace: pulumi.Input[str]
    mesh: MeshBinding
    routes: tuple[ServiceRoute, ...]
    tracing: Tracing
    environment: str
    controller: GatewayController = field(default_factory=GatewayController)
    certificate: pulumi.Input[str] | None = None
    private_key: pulumi.Input[str] | None = None
    settings: IngressGatewaySettings = field(default_factory=IngressGatewaySettings)
    team_routes: tuple[TeamRoute, ...] = ()


_AWAITED: Final = {Annotation.WAIT_FOR.value: "condition=Accepted"}
"""An update fails if no controller serves the gateway. It waits for no address: a cluster may never give one."""


def ingress_problems(settings: IngressGatewaySettings, controller: GatewayController) -> list[Problem]:
    """What a gateway of the Gateway API cannot do of the settings of a gateway.

    Args:
        settings: Settings of the gateway.
        controller: Controller that serves the gateway.
    """
    if settings.tokens is None:
        return []
    if controller.is_envoy:
        reason = "Envoy Gateway forwards clients' tokens to the services, which must not get them"
    else:
        reason = "the Gateway API has no tokens"
    return [Problem("tokens", reason, "remove it, or check tokens before the gateway")]


def gateway_api_manifests(args: GatewayApiGatewayArgs, settings: IngressGatewaySettings) -> list[Manifest]:
    """The Kubernetes objects of a gateway, dependencies first.

    Raises:
        InvalidSettingsError: The certificate has no key or no name of a Secret, two routes clash, or the controller
            cannot do what the settings ask.
    """
    controller = parse(GatewayController, args.controller, "controller")
    require_distinct_routes(args.team_routes, {one.prefix: one.service for one in args.routes}, settings.hosts)
    if problems := ingress_problems(settings, controller):
        raise InvalidSettingsError(problems)
    binding, parent = controller.binding(settings), controller.parent(settings)
    meta = edge_metadata(settings.name, args.namespace)
    made = [*certificate_secret(meta, settings.tls_secret, args.certificate, args.private_key)]
    named = controller.gateway_class or f"{controller.namespace}-{settings.name}"
    if controller.gateway_class is None:
        made.append(envoy.gateway_class(named))
    infrastructure: Infrastructure | None = None
    if controller.is_envoy:
        infrastructure = {
            "parametersRef": {"group": ENVOY_GATEWAY, "kind": ENVOY_PROXY.name, "name": settings.name},
        }
        made += [
            envoy.envoy_proxy(
                settings,
                args.namespace,
                args.mesh,
                tracing=args.tracing,
                environment=args.environment,
                pod_ports=binding.pod_ports,
            ),
            envoy.untrusted_headers(settings, args.namespace),
        ]
    teams = dict.fromkeys(one.namespace for one in args.team_routes)
    made.append(
        gateway_object(
            settings, {**meta, "annotations": _AWAITED}, named, (args.services_namespace, *teams), infrastructure
        )
    )
    if settings.plain_http == "redirect":
        made.append(https_redirect(settings, args.namespace))
    made += route_grants(parent, args.team_routes)
    for route in args.routes:
        made += service_route(
            route.service,
            args.services_namespace,
            parent,
            port=route.port,
            prefix=route.prefix,
            hosts=parent.hosts,
            retries=settings.retries,
        )
    return made


class GatewayApiGateway(Component):
    """A gateway that a controller of the Gateway API serves, such as Envoy Gateway, with its routes.

    The controller is installed beforehand; the gateway's pods are its own.

    Attributes:
        url: URL of the plain HTTP port inside the cluster.

    Raises:
        InvalidSettingsError: The settings are invalid, or the certificate has no key.
    """

    TYPE: ClassVar[str] = "GatewayApiGateway"

    url: pulumi.Output[str]

    def __init__(self, name: str, args: GatewayApiGatewayArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        settings = parse(IngressGatewaySettings, args.settings)
        controller = parse(GatewayController, args.controller, "controller")
        manifests = gateway_api_manifests(args, settings)
        super().__init__(name, opts)
        self.children(manifests)
        place = controller.binding(settings)
        host = self.host(place.service, args.namespace if controller.is_envoy else place.namespace)
        port = "" if place.http_port == 80 else f":{place.http_port}"  # noqa: PLR2004 - the scheme's own
        self.url = pulumi.Output.concat("http://", host, port)
        self.register_outputs({"url": self.url})
