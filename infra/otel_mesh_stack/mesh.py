"""Wires the mesh of a stack: its installation, its gateway, and who may send telemetry."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pulumi

from otel_mesh import (
    OTLP_GRPC_PORT,
    OTLP_HTTP_PORT,
    CollectorIdentity,
    IngressGateway,
    IngressGatewayArgs,
    Istio,
    IstioArgs,
    MeshBinding,
    NoMesh,
    Route,
    TelemetryAccess,
    TelemetryAccessArgs,
    Tracing,
    service_host,
)
from otel_mesh.mesh.istio.binding import istio_binding
from otel_mesh.mesh.istio.charts import chart_values
from otel_mesh_stack import mesh_files
from otel_mesh_stack.services import OPEN_PATHS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from otel_mesh import Catalog
    from otel_mesh_stack.model import StackSettings
    from otel_mesh_stack.settings import Stack


@dataclass(frozen=True, kw_only=True)
class Mesh:
    """A stack's mesh.

    Attributes:
        binding: what workloads have to know of it.
        opts: of what joins it: made after the mesh is ready, gone before the mesh goes.
    """

    binding: MeshBinding
    opts: pulumi.ResourceOptions = field(repr=False)


def install(
    settings: StackSettings,
    charts_dir: str | None,
    opts: pulumi.ResourceOptions,
    first: Sequence[pulumi.Resource],
) -> Mesh:
    """Declares the mesh that the stack asks for; its pods refer to what comes first."""
    if settings.mesh.kind == "none":
        return Mesh(binding=NoMesh(), opts=opts)
    mesh = settings.mesh
    args = IstioArgs(
        tracing=tracing(settings), environment=settings.environment, charts_dir=charts_dir, settings=mesh.istio
    )
    after = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=list(first)))
    istio = Istio("istio", args, after)
    identity = CollectorIdentity(namespace=settings.namespaces.observability, service_account=settings.collector.name)
    binding = istio_binding(
        mesh.istio,
        gateway=mesh.gateway.binding(mesh.gateway_namespace),
        collector=identity if settings.collector.meshed else None,
    )
    return Mesh(binding=binding, opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[istio])))


def tracing(settings: StackSettings) -> Tracing:
    """Where the mesh's proxies send spans, and of which requests."""
    own = settings.mesh.tracing
    return Tracing(
        service=service_host(settings.collector.name, settings.namespaces.observability),
        port=OTLP_GRPC_PORT,
        http_port=OTLP_HTTP_PORT,
        ingress_percentage=own.ingress_percentage,
        internal_percentage=own.internal_percentage,
        tags=own.tags,
        header_tags=own.header_tags,
    )


def chart_warnings(settings: StackSettings, charts_dir: str | None) -> list[str]:
    """What a folder of charts doesn't have as the stack's settings want it, each as a sentence."""
    values = chart_values(settings.mesh.istio, tracing(settings), settings.environment)
    return [*mesh_files.unpinned(charts_dir, settings), *mesh_files.unknown(charts_dir, values)]


def gateway(stack: Stack, catalog: Catalog, namespace: pulumi.Input[str], mesh: Mesh) -> IngressGateway:
    """Declares the gateway in front of what the catalog exposes, for a stack with a mesh."""
    settings, certificate = stack.settings, stack.gateway_certificate
    services = settings.namespaces.services
    routes = tuple(
        Route(host=service_host(service.name, services), port=service.port)
        for service in catalog.services
        if service.exposed
    )
    args = IngressGatewayArgs(
        namespace=namespace,
        mesh=mesh.binding,
        routes=routes,
        tracing=tracing(settings),
        certificate=certificate.chain if certificate else None,
        private_key=certificate.private_key if certificate else None,
        settings=settings.mesh.gateway,
        open_paths=OPEN_PATHS,
    )
    return IngressGateway("gateway", args, mesh.opts)


def telemetry_access(
    settings: StackSettings, catalog: Catalog, namespace: pulumi.Input[str], mesh: Mesh
) -> TelemetryAccess | None:
    """Declares who may send telemetry: the catalog's services with their proxies, and the gateway."""
    binding = mesh.binding
    if binding.collector is None:
        return None
    args = TelemetryAccessArgs(
        namespace=namespace,
        collector=settings.collector.name,
        senders=tuple(_senders(settings, catalog, binding)),
        ports=(OTLP_GRPC_PORT, OTLP_HTTP_PORT),
    )
    return TelemetryAccess("telemetry-access", args, mesh.opts)


def _senders(settings: StackSettings, catalog: Catalog, binding: MeshBinding) -> Iterable[str]:
    services = settings.namespaces.services
    accounts = [(services, service.name) for service in catalog.services]
    if settings.load_generator is not None:
        accounts.append((services, settings.load_generator.name))
    if binding.gateway is not None:
        accounts.append((binding.gateway.namespace, binding.gateway.service_account))
    for namespace, account in accounts:
        identity = binding.identity(namespace, account)
        if identity is not None:
            yield identity
