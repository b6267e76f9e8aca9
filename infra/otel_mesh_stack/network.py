"""The network connections of a stack, and the NetworkPolicies that refuse all others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_mesh import (
    OTLP_GRPC_PORT,
    OTLP_HTTP_PORT,
    XDS_PORT,
    Addresses,
    NetworkAccess,
    NetworkAccessArgs,
    Pods,
    declared_connections,
    dns_connections,
    gateway_pods,
    mesh_connections,
    service_pods,
    tcp,
    workload_pods,
)
from otel_mesh_stack import exposure, stores
from otel_mesh_stack.network_telemetry import scraper, telemetry_connections
from otel_mesh_stack.services import CATALOG

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pulumi

    from otel_mesh import Connection, MeshBinding
    from otel_mesh_stack.model import StackSettings

_OTLP: Final = (OTLP_GRPC_PORT, OTLP_HTTP_PORT)
_ANYWHERE: Final = Addresses()


def network_access(
    settings: StackSettings,
    mesh: MeshBinding,
    namespaces: Mapping[str, pulumi.Input[str]],
    opts: pulumi.ResourceOptions,
) -> None:
    """Declares the NetworkPolicies of a stack, if its settings turn them on.

    Args:
        settings: Settings of the stack.
        mesh: Mesh of the stack.
        namespaces: Namespaces of services, observability and gateway, by name.
        opts: Options of the components.
    """
    if not settings.network_policies.enabled:
        return
    allowed = tuple(connections(settings, mesh))
    for name, place in namespaces.items():
        args = NetworkAccessArgs(namespace=name, connections=allowed, proxy_ports=mesh.proxy_ports, place=place)
        NetworkAccess(f"network-access-{name}", args, opts)


def connections(settings: StackSettings, mesh: MeshBinding) -> Iterator[Connection]:
    """Every connection that a stack's pods open or accept.

    The kubelet's probes and port-forwards come from a pod's own node, which NetworkPolicies never refuse.

    Args:
        settings: Settings of the stack.
        mesh: Mesh of the stack.
    """
    names = settings.namespaces
    guarded = [names.services, names.observability]
    if (place := settings.mesh.gateway_place) is not None:
        guarded.append(place)
    yield from dns_connections(guarded, settings.network_policies.dns_addresses)
    yield from mesh_connections(mesh, guarded, scraper(settings))
    yield from declared_connections(stores.placed(settings), names.services)
    yield from stores.connections(settings)
    yield from exposure.connections(settings, mesh)
    yield from _entrances(settings, mesh)
    yield from _senders(settings, mesh)
    yield from _teams(settings, mesh)
    yield from telemetry_connections(settings)
    yield from _control_plane_telemetry(settings, mesh)
    yield from _error_backends(settings)
    yield from _controller(settings, mesh)


def _control_plane_telemetry(settings: StackSettings, mesh: MeshBinding) -> Iterator[Connection]:
    """From the mesh's control plane to the Collector."""
    control = mesh.control_plane
    if control is not None and control.telemetry_accounts:
        senders = Pods(namespace=control.namespace, labels=control.pod_labels)
        yield tcp(senders, workload_pods(settings.namespaces.observability, settings.collector.name), *_OTLP)


def _controller(settings: StackSettings, mesh: MeshBinding) -> Iterator[Connection]:
    """From Envoy Gateway's proxies to the controller that configures them."""
    api = settings.mesh.gateway_api
    if mesh.gateway is not None and api is not None and api.is_envoy:
        yield tcp(gateway_pods(mesh.gateway), Pods(namespace=api.controller_namespace), XDS_PORT)


def _error_backends(settings: StackSettings) -> Iterator[Connection]:
    """From callers to the backend that fails in place of a service, on meshes that inject faults so."""
    space = settings.namespaces.services
    for edge in CATALOG.edges():
        own = settings.services.get(edge.callee)
        backend = settings.mesh.error_backend(edge.callee)
        if backend is not None and own is not None and own.traffic is not None and own.traffic.fault is not None:
            name, port = backend
            yield tcp(workload_pods(space, edge.caller), workload_pods(space, name), port)


def _entrances(settings: StackSettings, mesh: MeshBinding) -> Iterator[Connection]:
    """From outside to the exposed services, by the gateway if there is one, and from named callers."""
    services = settings.namespaces.services
    load = workload_pods(services, settings.load_generator.name) if settings.load_generator else None
    exposed = [one for one in CATALOG.services if one.exposed]
    if mesh.gateway is not None:
        gateway = gateway_pods(mesh.gateway)
        yield tcp(_ANYWHERE, gateway, *mesh.gateway.pod_ports)
        if load is not None:
            yield tcp(load, gateway, *mesh.gateway.pod_ports)
    for service in exposed:
        entrance = service_pods(services, service.name)
        yield tcp(gateway if mesh.gateway is not None else _ANYWHERE, entrance, service.port)
        if load is not None and mesh.gateway is None:
            yield tcp(load, entrance, service.port)
    for name, own in settings.services.items():
        for caller in own.callers:  # a NetworkPolicy does not know service accounts: the mesh tells them apart
            yield tcp(Pods(namespace=caller.namespace), service_pods(services, name), CATALOG.service(name).port)


def _senders(settings: StackSettings, mesh: MeshBinding) -> Iterator[Connection]:
    """From services, load generator, backups and gateway to the Collector."""
    senders = [service_pods(settings.namespaces.services, one.name) for one in CATALOG.services]
    if settings.load_generator is not None:
        senders.append(workload_pods(settings.namespaces.services, settings.load_generator.name))
    if settings.postgres_backup is not None:
        senders.append(workload_pods(settings.namespaces.services, settings.postgres_backup.name))
    if mesh.gateway is not None:
        senders.append(gateway_pods(mesh.gateway))
    collector = workload_pods(settings.namespaces.observability, settings.collector.name)
    for sender in senders:
        yield tcp(sender, collector, *_OTLP)


def _teams(settings: StackSettings, mesh: MeshBinding) -> Iterator[Connection]:
    """With the other namespaces of the mesh: their telemetry, their proxies' metrics, routes from the gateway.

    Which of their workloads may do so, the mesh decides by identity.
    """
    if not mesh.namespace_labels:
        return
    meshed = Pods(namespace_labels=mesh.namespace_labels)
    place = settings.namespaces.observability
    yield tcp(meshed, workload_pods(place, settings.collector.name), *_OTLP)
    if mesh.proxy_scraping is not None:
        yield tcp(scraper(settings), meshed, mesh.proxy_scraping.port)
    if mesh.gateway is not None:
        yield tcp(gateway_pods(mesh.gateway), meshed)
