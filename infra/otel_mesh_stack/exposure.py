"""Pages and APIs of the stack's backends at the gateway: none by default, and never without tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from pydantic import Field

from otel_mesh import (
    AlertmanagerAddress,
    BackendRoute,
    ExposedBackends,
    ExposedBackendsArgs,
    HostName,
    OutsideBackend,
    Problem,
    Settings,
    TokenSettings,
    host_problems,
    join_path,
    service_host,
    tcp,
    workload_pods,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pulumi

    from otel_mesh import Connection, MeshBinding
    from otel_mesh_stack.mesh import Mesh
    from otel_mesh_stack.model import StackSettings

Exposable = Literal["jaeger", "prometheus", "victoria_logs", "alertmanager", "grafana"]

_PATH: Final = "mesh.exposed_backends"


class ExposedBackendsSettings(Settings):
    """Backends that clients outside the cluster reach through the gateway, with a token in every request.

    Attributes:
        hosts: Host name at the gateway of each backend that is exposed.
        tokens: Tokens (JWT) that the requests need, for another audience than those of the shop's customers.
    """

    hosts: dict[Exposable, HostName] = Field(min_length=1)
    tokens: TokenSettings


def declare(settings: StackSettings, namespace: pulumi.Input[str], mesh: Mesh) -> None:
    """Declares the routes to exposed backends, if there are any.

    Args:
        settings: Settings of the stack.
        namespace: Namespace of the gateway.
        mesh: Mesh of the stack.
    """
    exposed, gateway = settings.mesh.exposed_backends, mesh.binding.gateway
    if exposed is None or gateway is None or not settings.mesh.exposes_backends:
        return
    routes = tuple(
        BackendRoute(host=exposed.hosts[part], service=service_host(name, settings.namespaces.observability), port=port)
        for part, (name, port) in _services(settings).items()
    )
    args = ExposedBackendsArgs(namespace=namespace, gateway=gateway, routes=routes, tokens=exposed.tokens)
    ExposedBackends("exposed-backends", args, mesh.opts)


def connections(settings: StackSettings, mesh: MeshBinding) -> Iterator[Connection]:
    """From the gateway to exposed backends."""
    if settings.mesh.exposed_backends is None or mesh.gateway is None:
        return
    gateway = workload_pods(mesh.gateway.namespace, mesh.gateway.service)
    for name, port in _services(settings).values():
        yield tcp(gateway, workload_pods(settings.namespaces.observability, name), port)


def problems(settings: StackSettings) -> Iterator[Problem]:
    """Backends that are not there, hosts that are taken, and a gateway without HTTPS."""
    exposed, mesh = settings.mesh.exposed_backends, settings.mesh
    if exposed is None:
        return
    if not mesh.exposes_backends:
        yield Problem(_PATH, "needs the gateway of an Istio", "install one, or remove it")
        return
    if mesh.gateway.tls_secret is None:
        yield Problem(_PATH, "tokens would be readable on the way: the gateway has no HTTPS", "set gateway.tls_secret")
    for part in exposed.hosts:
        own = getattr(settings, part)
        if own is None or isinstance(own, OutsideBackend | AlertmanagerAddress):
            reason = "the stack has none" if own is None else "is outside the stack"
            yield Problem(join_path(_PATH, "hosts", part), reason, "remove it")
    taken = [one.host for one in mesh.team_routes if one.host is not None]
    for problem in host_problems({str(part): host for part, host in exposed.hosts.items()}, mesh.gateway.hosts, taken):
        yield problem.below(_PATH)


def _services(settings: StackSettings) -> dict[Exposable, tuple[str, int]]:
    """Name and port of each exposed backend's Service."""
    exposed = settings.mesh.exposed_backends
    own = {part: getattr(settings, part) for part in (exposed.hosts if exposed else ())}
    return {part: (one.name, one.QUERY_PORT) for part, one in own.items()}
