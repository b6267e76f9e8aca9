"""Callers of a stack's services from other namespaces."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_mesh import Problem, join_path, operation_problems
from otel_mesh_stack.services import CATALOG

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_mesh_stack.model import StackSettings


def problems(settings: StackSettings) -> Iterator[Problem]:
    """Routes of callers that the service or the stack does not have.

    Args:
        settings: Settings of the stack.
    """
    protocols = {service.name: service.protocol for service in CATALOG.services}
    for name, own in settings.services.items():
        for place, caller in enumerate(own.callers):
            if not caller.routes or name not in protocols:
                continue
            path = join_path("services", name, "callers", place, "routes")
            if not settings.mesh.installed:
                yield Problem(path, "a stack without a mesh tells no routes apart", "install a mesh, or remove it")
            yield from operation_problems(path, caller.routes, name, grpc=protocols[name] == "grpc")
