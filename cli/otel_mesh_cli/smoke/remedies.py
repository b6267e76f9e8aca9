"""Where to look when something of the smoke check is missing; `otel-mesh status` says more where it knows the cause."""

from __future__ import annotations

from otel_mesh_cli.stacks import local_stack


def of(namespace: str, deployment: str) -> str:
    """Where to look when a Deployment does not do its part."""
    return f"see `otel-mesh status` and `kubectl -n {namespace} logs deploy/{deployment}`"


def of_service(name: str = "api-gateway") -> str:
    """Where to look when a service does not answer."""
    return of(local_stack.settings().namespaces.services, name)


def of_collector() -> str:
    """Where to look when telemetry does not arrive."""
    stack = local_stack.settings()
    return of(stack.namespaces.observability, stack.collector.name)
