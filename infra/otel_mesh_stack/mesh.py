"""The mesh of a stack: its installation, its gateway, and who may send telemetry."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import pulumi

from otel_mesh import (
    OTLP_GRPC_PORT,
    OTLP_HTTP_PORT,
    AccessControl,
    AccessControlArgs,
    Caller,
    CollectorIdentity,
    EgressControl,
    EgressControlArgs,
    Istio,
    IstioArgs,
    Linkerd,
    LinkerdArgs,
    MeshBinding,
    MeshHost,
    NoMesh,
    TelemetryAccess,
    TelemetryAccessArgs,
    TelemetryEgress,
    TelemetryEgressArgs,
    Tracing,
    declared_access,
    declared_egress,
    service_host,
)
from otel_mesh_stack import alerting, backends, stores
from otel_mesh_stack.secret_files import PLACEHOLDER
from otel_mesh_stack.services import POSTGRES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from otel_mesh import Catalog, MeshInstaller
    from otel_mesh_stack.model import StackSettings
    from otel_mesh_stack.settings import Stack


@dataclass(frozen=True, kw_only=True)
class Mesh:
    """A stack's mesh.

    Attributes:
        binding: Binding of the mesh.
        opts: Options of the components that join the mesh: created after the mesh is ready, deleted before it.
    """

    binding: MeshBinding
    opts: pulumi.ResourceOptions = field(repr=False)


def _collector(settings: StackSettings) -> CollectorIdentity | None:
    """The identity of the Collector, if it is in the mesh."""
    own = settings.collector
    if not own.meshed:
        return None
    return CollectorIdentity(namespace=settings.namespaces.observability, service_account=own.name)


def _istio(stack: Stack, opts: pulumi.ResourceOptions) -> MeshInstaller:
    settings, mesh = stack.settings, stack.settings.mesh
    args = IstioArgs(
        tracing=tracing(settings),
        environment=settings.environment,
        charts_dir=stack.charts_dir,
        gateway=mesh.gateway_binding,
        collector=_collector(settings),
        settings=mesh.istio,
    )
    return Istio("istio", args, opts)


def _linkerd(stack: Stack, opts: pulumi.ResourceOptions) -> MeshInstaller:
    settings, mesh = stack.settings, stack.settings.mesh
    args = LinkerdArgs(
        tracing=tracing(settings),
        environment=settings.environment,
        charts_dir=stack.charts_dir,
        gateway=mesh.gateway_binding,
        collector=_collector(settings),
        identity=stack.mesh_identity,
        placeholder=None if stack.render_dir is None else PLACEHOLDER,
        settings=mesh.linkerd,
    )
    return Linkerd("linkerd", args, opts)


_INSTALLERS: Final[Mapping[str, Callable[[Stack, pulumi.ResourceOptions], MeshInstaller]]] = {
    "istio": _istio,
    "linkerd": _linkerd,
}
"""Declares the installer of each kind of mesh that a stack can install."""


def install(stack: Stack, opts: pulumi.ResourceOptions, first: Sequence[pulumi.Resource]) -> Mesh:
    """Declares the mesh in the stack's settings.

    Args:
        stack: The stack.
        opts: Options of the mesh.
        first: Resources that the mesh's pods need, such as priority classes.
    """
    settings = stack.settings
    if not settings.mesh.installed:
        return Mesh(binding=NoMesh(), opts=opts)
    after = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=list(first)))
    installer = _INSTALLERS[settings.mesh.kind](stack, after)
    for sentence in (*settings.mesh.entrance_notes, *installer.chart_warnings):
        pulumi.log.warn(sentence)
    joined = pulumi.ResourceOptions(depends_on=[installer.component])
    return Mesh(binding=installer.binding, opts=pulumi.ResourceOptions.merge(opts, joined))


def tracing(settings: StackSettings) -> Tracing:
    """Destination and sampling of the proxies' spans."""
    host = service_host(settings.collector.name, settings.namespaces.observability)
    return Tracing(service=host, port=OTLP_GRPC_PORT, http_port=OTLP_HTTP_PORT, **dict(settings.mesh.tracing))


def telemetry_access(
    settings: StackSettings, catalog: Catalog, namespace: pulumi.Input[str], mesh: Mesh
) -> TelemetryAccess | None:
    """Declares who may send telemetry: the catalog's services with their proxies, and the gateway.

    Args:
        settings: Settings of the stack.
        catalog: Catalog of the services.
        namespace: Namespace of the Collector.
        mesh: Mesh of the stack.
    """
    binding = mesh.binding
    if binding.collector is None:
        return None
    args = TelemetryAccessArgs(
        namespace=namespace,
        collector=settings.collector.name,
        senders=tuple(_senders(settings, catalog, binding)),
        ports=(OTLP_GRPC_PORT, OTLP_HTTP_PORT),
        mesh=binding,
    )
    return TelemetryAccess("telemetry-access", args, mesh.opts)


def telemetry_egress(settings: StackSettings, namespace: pulumi.Input[str], mesh: Mesh) -> None:
    """Declares the telemetry backends outside the cluster, if Collectors in the mesh send to any.

    Args:
        settings: Settings of the stack.
        namespace: Namespace of the Collectors.
        mesh: Mesh of the stack; without one, nothing is declared.
    """
    hosts = (*backends.egress(settings), *alerting.egress(settings))
    if settings.mesh.installed and hosts:
        args = TelemetryEgressArgs(namespace=namespace, hosts=hosts, mesh=mesh.binding)
        TelemetryEgress("telemetry-egress", args, mesh.opts)


def access_control(settings: StackSettings, catalog: Catalog, namespace: pulumi.Input[str], mesh: Mesh) -> None:
    """Declares who may call the services and stores: their callers in the catalog, the gateway, and named others.

    Args:
        settings: Settings of the stack.
        catalog: Catalog of the services.
        namespace: Namespace of the services and stores.
        mesh: Mesh of the stack; without one, nothing is declared.
    """
    if not settings.mesh.installed:
        return
    further: dict[str, list[Caller]] = {name: [*own.callers] for name, own in settings.services.items() if own.callers}
    if settings.postgres_backup is not None:
        account = settings.postgres_backup.name
        further[POSTGRES] = [Caller(namespace=settings.namespaces.services, service_account=account)]
    if (entrance := mesh.binding.gateway) is not None:
        gateway_caller: Caller | None = Caller(namespace=entrance.namespace, service_account=entrance.service_account)
    elif (load := settings.load_generator) is not None:
        gateway_caller = Caller(namespace=settings.namespaces.services, service_account=load.name)
    else:
        gateway_caller = None
    for service in catalog.services:
        if service.exposed and gateway_caller is not None:
            further.setdefault(service.name, []).append(gateway_caller)
    open_to = {one.name: settings.mesh.entrances for one in catalog.services if one.exposed}
    args = AccessControlArgs(
        namespace=namespace,
        accesses=tuple(
            one.model_copy(update={"networks": open_to.get(one.workload, ())})
            for one in declared_access(catalog, settings.namespaces.services, further)
        ),
        mesh=mesh.binding,
    )
    AccessControl("access-control", args, mesh.opts)


def egress_control(settings: StackSettings, catalog: Catalog, namespace: pulumi.Input[str], mesh: Mesh) -> None:
    """Declares which hosts the proxies of the services and stores connect to.

    Args:
        settings: Settings of the stack.
        catalog: Catalog of the services.
        namespace: Namespace of the services and stores.
        mesh: Mesh of the stack; without one, nothing is declared, nor if no service has external calls and the stack
            has no NetworkPolicies.
    """
    further = stores.hosts_of_neighbours(settings)
    outside = stores.calls_of_backups(settings)
    external = bool(outside) or any(one.external_calls for one in catalog.services)
    restricted = settings.network_policies.enabled or external
    if not settings.mesh.installed or not restricted:
        return
    common = [MeshHost(service=settings.collector.name, namespace=settings.namespaces.observability)]
    if settings.load_generator is not None and (gateway := mesh.binding.gateway) is not None:
        further[settings.load_generator.name] = [MeshHost(service=gateway.service, namespace=gateway.namespace)]
    egress = declared_egress(catalog, settings.namespaces.services, common, further, outside)
    args = EgressControlArgs(namespace=namespace, egress=egress, mesh=mesh.binding)
    EgressControl("egress-control", args, mesh.opts)


def _senders(settings: StackSettings, catalog: Catalog, binding: MeshBinding) -> Iterable[str]:
    services = settings.namespaces.services
    accounts = [(services, service.name) for service in catalog.services]
    if settings.load_generator is not None:
        accounts.append((services, settings.load_generator.name))
    if settings.postgres_backup is not None:
        accounts.append((services, settings.postgres_backup.name))
    if binding.gateway is not None:
        accounts.append((binding.gateway.namespace, binding.gateway.service_account))
    if (control := binding.control_plane) is not None:
        accounts += [(control.namespace, account) for account in control.telemetry_accounts]
    for namespace, account in accounts:
        identity = binding.identity(namespace, account)
        if identity is not None:
            yield identity
