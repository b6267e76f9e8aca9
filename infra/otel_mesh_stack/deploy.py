"""The wiring of a stack's components."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi

from otel_mesh import (
    Namespace,
    NamespaceArgs,
    NamespaceSettings,
    PriorityClass,
    PriorityClassArgs,
    PriorityClassSettings,
    service_edges,
    signal_matrix,
    topology,
)
from otel_mesh_stack import exposure, gateways, network, observability, outputs, provider, stores, traffic, workloads
from otel_mesh_stack import mesh as stack_mesh
from otel_mesh_stack import settings as stack_settings
from otel_mesh_stack.services import CATALOG

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_mesh import Microservice
    from otel_mesh_stack.mesh import Mesh
    from otel_mesh_stack.model import StackSettings


def deploy() -> None:
    """Declares all resources of the current stack.

    Raises:
        pulumi.RunError: The settings of the stack are invalid; nothing was declared.
    """
    stack = stack_settings.read()
    if not stack.settings.wait:
        pulumi.runtime.register_resource_transform(provider.without_waiting)
    opts = pulumi.ResourceOptions(provider=provider.provider(stack), custom_timeouts=provider.timeouts(stack.settings))
    priorities = _priority_classes(stack.settings, opts)
    mesh = stack_mesh.install(stack, opts, priorities)
    grants = outputs.grants(stack.settings)
    telemetry = _namespace(stack.settings.namespaces.observability, mesh, priorities)
    shop = _namespace(stack.settings.namespaces.services, mesh, priorities)
    guarded = {stack.settings.namespaces.services: shop, stack.settings.namespaces.observability: telemetry}
    if (place := stack.settings.mesh.gateway_place) is not None:
        guarded[place] = _namespace(place, mesh, priorities)
    # before the workloads: pods that wait for a connection that is newly allowed would never become ready
    network.network_access(stack.settings, mesh.binding, guarded, mesh.opts)

    otlp_endpoint = observability.observability(stack.settings, telemetry, mesh, grants)
    stack_mesh.telemetry_egress(stack.settings, telemetry, mesh)
    stack_mesh.telemetry_access(stack.settings, CATALOG, telemetry, mesh)
    stack_mesh.access_control(stack.settings, stores.placed(stack.settings), shop, mesh)
    stack_mesh.egress_control(stack.settings, stores.placed(stack.settings), shop, mesh)
    services = workloads.services(stack, shop, otlp_endpoint, mesh)
    traffic.declare(stack.settings, mesh)
    entrances: list[gateways.Gateway | Microservice] = [services[one.name] for one in CATALOG.services if one.exposed]
    if place is not None:
        entrances = [gateways.declare(stack, CATALOG, mesh, gateway=guarded[place], services=shop)]
        exposure.declare(stack.settings, guarded[place], mesh)
    if stack.settings.load_generator is not None:
        ready = pulumi.ResourceOptions(depends_on=[*services.values(), *entrances])
        after = pulumi.ResourceOptions.merge(mesh.opts, ready)
        inputs = {"namespace": shop, "target_url": entrances[0].url, "mesh": mesh.binding}
        workloads.load(stack, stack.settings.load_generator, after, otlp_endpoint=otlp_endpoint, **inputs)

    pulumi.export("service_urls", {name: one.url for name, one in services.items()})
    pulumi.export("otlp_endpoint", otlp_endpoint)
    pulumi.export("mesh", mesh.binding.model_dump(mode="json"))
    pulumi.export("service_edges", [list(edge) for edge in service_edges(CATALOG)])
    pulumi.export("signal_matrix", {name: one.model_dump(mode="json") for name, one in signal_matrix(CATALOG).items()})
    pulumi.export("topology", topology(CATALOG))
    pulumi.export(outputs.TELEMETRY, outputs.telemetry(stack.settings).model_dump(mode="json"))
    pulumi.export(outputs.CANARIES, outputs.canaries(stack.settings))
    pulumi.export(outputs.TEAMS, grants.model_dump(mode="json"))
    pulumi.export(outputs.CATALOG, stores.located(stack.settings).model_dump(mode="json"))


def _priority_classes(settings: StackSettings, opts: pulumi.ResourceOptions) -> list[PriorityClass]:
    made = (PriorityClassSettings(name=name, **dict(one)) for name, one in settings.priority_classes.items())
    return [PriorityClass(one.name, PriorityClassArgs(settings=one), opts) for one in made]


def _namespace(name: str, mesh: Mesh, first: Sequence[PriorityClass]) -> pulumi.Output[str]:
    """The name of a namespace, known once the namespace and the priority classes of its pods exist."""
    args = NamespaceArgs(settings=NamespaceSettings(name=name), mesh=mesh.binding)
    made = Namespace(name, args, mesh.opts).namespace
    return pulumi.Output.all(made, *(one.priority_class for one in first)).apply(lambda names: str(names[0]))
