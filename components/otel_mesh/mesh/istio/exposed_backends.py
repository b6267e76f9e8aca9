"""Pages and APIs of backends at the gateway, for clients with a valid token only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import pulumi

from otel_mesh.core.errors import InvalidSettingsError, Problem, join_path
from otel_mesh.core.labels import selector
from otel_mesh.core.outputs import TextInput  # noqa: TC001 - pydantic reads it at run time
from otel_mesh.core.values import HostName, Port, Settings
from otel_mesh.k8s.component import Component
from otel_mesh.mesh.binding import GatewayBinding  # noqa: TC001 - a component plugin reads it at run time
from otel_mesh.mesh.istio.authorization import mesh_metadata
from otel_mesh.mesh.istio.kinds import AUTHORIZATION_POLICY, VIRTUAL_SERVICE
from otel_mesh.mesh.istio.tokens import request_authentication
from otel_mesh.mesh.policies.ingress import HTTP_PORT
from otel_mesh.mesh.policies.team_routes import covers
from otel_mesh.mesh.policies.tokens import TokenSettings  # noqa: TC001 - a component plugin reads it at run time

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from otel_mesh.k8s.manifests import Manifest
    from otel_mesh.mesh.istio.policy_types import AccessRule, RuleOperation, Selector
    from otel_mesh.mesh.istio.traffic_types import WeightedDestination


class BackendRoute(Settings):
    """A backend at a host name of its own.

    Attributes:
        host: Host name at the gateway.
        service: Fully qualified DNS name of the backend's Service.
        port: Port of the Service.
    """

    host: HostName
    service: TextInput
    port: Port


@dataclass(frozen=True, kw_only=True)
class ExposedBackendsArgs:
    """Arguments of an `ExposedBackends`.

    Attributes:
        namespace: Namespace of the gateway.
        gateway: Gateway that serves the hosts. It has to have HTTPS.
        routes: Backends, each with a host name of its own.
        tokens: Tokens that every request needs. Those of other issuers or for other audiences are refused, even if the
            gateway accepts them for services.
        name: Name of the policies, in the gateway's namespace; None for the gateway's name with ``-backends``. Several
            components at one gateway need a name each.
    """

    namespace: pulumi.Input[str]
    gateway: GatewayBinding
    routes: tuple[BackendRoute, ...]
    tokens: TokenSettings
    name: str | None = None


def host_problems(hosts: dict[str, str], served: Sequence[str], taken: Iterable[str]) -> Iterator[Problem]:
    """Problems of backends' host names: another's name, or one that the gateway does not answer for.

    Args:
        hosts: Host name of each backend.
        served: Host names that the gateway answers for; ``*`` and ``*.example.com`` are wildcards.
        taken: Host names of other routes.
    """
    seen = dict.fromkeys(taken, "a team's route")
    seen |= dict.fromkeys(served, "gateway.hosts, which serve the services")
    for name, host in hosts.items():
        path = join_path("hosts", name)
        if host in seen:
            yield Problem(path, f"'{host}' is also a host of {seen[host]}", "give the backend a host of its own")
        elif not any(covers(pattern, host) for pattern in served):
            remedy = f"add a wildcard such as '*.{host.partition('.')[2]}' to gateway.hosts"
            yield Problem(path, f"the gateway does not answer for '{host}'", remedy)
        seen.setdefault(host, f"'{name}'")


def exposed_manifests(args: ExposedBackendsArgs) -> list[Manifest]:
    """The routes, and the policies that refuse requests without a valid token.

    Raises:
        InvalidSettingsError: The gateway has no HTTPS: tokens would be readable on the way.
    """
    gateway = args.gateway
    if gateway.https_port is None:
        problem = Problem("gateway.https_port", "not set: tokens would be readable on the way", "give it a certificate")
        raise InvalidSettingsError([problem])
    meta = mesh_metadata(args.name or f"{gateway.service}-backends", args.namespace)
    chosen: Selector = {"matchLabels": selector("gateway", gateway.service)}
    refused = _refused(args.routes, args.tokens)
    return [
        request_authentication(args.tokens, meta, chosen),
        AUTHORIZATION_POLICY.manifest(meta, {"selector": chosen, "action": "DENY", "rules": refused}),
        *(_route(gateway.service, one, args.namespace) for one in args.routes),
    ]


def _refused(routes: Iterable[BackendRoute], tokens: TokenSettings) -> list[AccessRule]:
    """What is refused at the backends' hosts, with any port after the name."""
    hosts = [spelled for one in routes for spelled in (one.host, f"{one.host}:*")]
    there: list[RuleOperation] = [{"operation": {"hosts": hosts}}]
    return [
        {"from": [{"source": {"notRequestPrincipals": [_with_any_subject(tokens.issuer)]}}], "to": there},
        # a token of the same issuer for services has a principal too
        {"when": [{"key": "request.auth.audiences", "notValues": list(tokens.audiences)}], "to": there},
        {"to": [{"operation": {"hosts": hosts, "ports": [str(HTTP_PORT)]}}]},
    ]


def _with_any_subject(issuer: pulumi.Input[str]) -> pulumi.Input[str]:
    return f"{issuer}/*" if isinstance(issuer, str) else pulumi.Output.concat(issuer, "/*")


def _route(gateway: str, route: BackendRoute, namespace: pulumi.Input[str]) -> Manifest:
    to: WeightedDestination = {"destination": {"host": route.service, "port": {"number": route.port}}}
    return VIRTUAL_SERVICE.manifest(
        mesh_metadata(f"{gateway}-{route.host}", namespace),
        {"hosts": [route.host], "gateways": [gateway], "http": [{"route": [to], "timeout": "60s"}]},
    )


class ExposedBackends(Component):
    """Serves backends at a gateway to clients that send a valid token with every request.

    Raises:
        InvalidSettingsError: The gateway has no HTTPS.
    """

    TYPE: ClassVar[str] = "ExposedBackends"

    def __init__(self, name: str, args: ExposedBackendsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        manifests = exposed_manifests(args)
        super().__init__(name, opts)
        self.children(manifests)
        self.register_outputs({})
