"""Traffic policies of a stack's services."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pulumi

from otel_mesh import Problem, ServiceTraffic, ServiceTrafficArgs, Target, join_path
from otel_mesh_stack.services import CATALOG
from otel_mesh_stack.versions import with_versions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_mesh_stack.mesh import Mesh
    from otel_mesh_stack.model import StackSettings


def declare(settings: StackSettings, mesh: Mesh) -> None:
    """Declares the traffic policies of the services, and warns of experiments that should have ended.

    Args:
        settings: Settings of the stack.
        mesh: Mesh of the stack.
    """
    today = datetime.now(tz=UTC).date()
    for name, own in settings.services.items():
        if own.traffic is None:
            continue
        fault = own.traffic.fault
        if fault is not None and fault.is_expired(today):
            pulumi.log.warn(f"services.{name}.traffic.fault: expired on {fault.expires}; remove it, or set a later day")
        args = ServiceTrafficArgs(target=target(settings, name), mesh=mesh.binding, settings=own.traffic)
        ServiceTraffic(f"{name}-traffic", args, mesh.opts)


def target(settings: StackSettings, name: str) -> Target:
    """The service that a policy is for.

    Args:
        settings: Settings of the stack.
        name: Name of the service.
    """
    own = settings.services.get(name)
    service = with_versions(CATALOG.service(name), own.versions if own else {})
    return Target(
        service=name,
        namespace=settings.namespaces.services,
        port=service.port,
        protocol=service.protocol,
        version=service.version,
        versions=tuple(service.versions),
    )


def problems(settings: StackSettings) -> Iterator[Problem]:
    """Problems of policies that concern more than the policy.

    Args:
        settings: Settings of the stack.
    """
    known = {service.name for service in CATALOG.services}
    for name, own in settings.services.items():
        if own.traffic is None or name not in known:
            continue
        path = join_path("services", name, "traffic")
        for problem in settings.mesh.traffic_problems(own.traffic, target(settings, name)):
            yield problem.below(path)
        fault = own.traffic.fault
        if fault is not None and fault.expires is None and settings.environment == "production":
            yield Problem(f"{path}.fault.expires", "required in production", "set the last day of the experiment")
