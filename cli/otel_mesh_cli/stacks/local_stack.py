"""What stack ``local`` deploys where, as its settings say: known before anything is deployed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from otel_mesh.core.errors import InvalidSettingsError, parse
from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.stacks import stack_file
from otel_mesh_stack import outputs
from otel_mesh_stack.model import StackSettings
from otel_mesh_stack.outputs import ServicePort
from otel_mesh_stack.services import CATALOG

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_mesh import ProxySpans

_HTTPS_PORT = 443


@dataclass(frozen=True)
class Proxies:
    """The proxies of a mesh that make spans."""

    kind: ProxySpans = ""
    """Programs of the proxies; empty if they make no spans."""
    gateway: str | None = None
    """``service.name`` of the gateway; None without one."""

    @property
    def linkerd(self) -> bool:
        """Whether the proxies beside the workloads are Linkerd's."""
        return self.kind in ("linkerd", "envoy+linkerd")

    @property
    def batch_s(self) -> float:
        """Seconds for which a proxy collects spans before it sends them."""
        return 10.0 if self.linkerd else 0.0


NO_PROXIES = Proxies()
"""No mesh, or a mesh whose proxies make no spans."""


@cache
def settings() -> StackSettings:
    """The settings in the checkout's ``Pulumi.local.yaml``.

    Raises:
        CommandError: The file cannot be read, or its settings are invalid.
    """
    return checked(stack_file.settings(stack_file.LOCAL))


def checked(values: Mapping[str, Any]) -> StackSettings:
    """Settings of stack ``local``, validated.

    Raises:
        CommandError: They are invalid.
    """
    try:
        return parse(StackSettings, values)
    except InvalidSettingsError as error:
        first, *more = error.problems
        others = f" (and {len(more)} more)" if more else ""
        place = stack_file.require(stack_file.LOCAL).name
        raise CommandError(f"{place}: {first.path}: {first.reason}{others}", remedy=first.remedy) from None


def namespaces() -> tuple[str, ...]:
    """Namespaces of the stack: telemetry, services, and those of the mesh."""
    stack = settings()
    return (stack.namespaces.observability, stack.namespaces.services, *stack.mesh.namespaces)


def pod_namespaces() -> tuple[str, ...]:
    """Namespaces with pods of the environment: the cluster's own and the stack's."""
    return ("kube-system", *namespaces())


def gateway() -> str | None:
    """Name of the mesh's gateway, as a Service and as ``service.name`` of its spans; None without a mesh."""
    found = outputs.telemetry(settings()).gateway
    return found.name if found else None


def proxies() -> Proxies:
    """The proxies of the mesh that make spans."""
    return Proxies(settings().mesh.proxy_spans, gateway())


def places(stack: StackSettings) -> dict[str, ServicePort]:
    """The Services that people open, by name of their loopback address.

    Args:
        stack: Settings that decide which Services exist.
    """
    telemetry = outputs.telemetry(stack)
    first = next((one for one in CATALOG.services if one.exposed), CATALOG.services[0])
    entrance = telemetry.gateway or ServicePort(namespace=stack.namespaces.services, name=first.name, port=first.port)
    found = {
        "gateway": entrance,
        "gateway-tls": entrance.model_copy(update={"port": _HTTPS_PORT}),
        "jaeger": telemetry.jaeger,
        "prometheus": telemetry.prometheus,
        "victoria-logs": telemetry.logs,
        "alertmanager": telemetry.alertmanager,
        "grafana": telemetry.grafana,
    }
    return {name: place for name, place in found.items() if isinstance(place, ServicePort)}
