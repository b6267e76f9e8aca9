"""The addresses people open: loopback ports that lead to Services of the cluster."""

from __future__ import annotations

import os
from dataclasses import dataclass

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.stacks.stack_mesh import stack_mesh

_LOWEST, _HIGHEST = 1024, 65535


@dataclass(frozen=True)
class Address:
    """A Service made reachable at a port of 127.0.0.1."""

    name: str
    """What it is called in output, and in ``OTEL_MESH_PORT_<NAME>``."""
    namespace: str
    service: str
    service_port: int
    default_port: int
    ready_path: str
    """Answers 200 once the program behind it serves."""
    scheme: str = "http"
    page_path: str = ""
    """What people open in a browser, where that is another place than the address itself."""

    @property
    def variable(self) -> str:
        """The variable that chooses another port."""
        return f"OTEL_MESH_PORT_{self._variable_name}"

    @property
    def port(self) -> int:
        """The loopback port.

        Raises:
            CommandError: the variable holds no port number.
        """
        value = os.environ.get(self.variable, "")
        if not value:
            return self.default_port
        if not value.isascii() or not value.isdecimal() or not _LOWEST <= int(value) <= _HIGHEST:
            raise CommandError(
                f"{self.variable}={value!r}: not a port number",
                remedy=f"set it to a number from {_LOWEST} to {_HIGHEST} or unset it for {self.default_port}",
            )
        return int(value)

    @property
    def url(self) -> str:
        """Without a slash at its end."""
        return f"{self.scheme}://127.0.0.1:{self.port}"

    @property
    def page(self) -> str:
        """What people open in a browser; empty where that is the address itself, or nothing."""
        return f"{self.url}{self.page_path}" if self.page_path else ""

    @property
    def url_variable(self) -> str:
        """The variable that ``make env`` exports."""
        return f"{self._variable_name}_URL"

    @property
    def page_variable(self) -> str:
        """The variable for `page`."""
        return f"{self._variable_name}_PAGE"

    @property
    def _variable_name(self) -> str:
        return self.name.upper().replace("-", "_")


def _gateway() -> Address:
    """Where requests enter: the mesh's gateway, or without a mesh the service itself."""
    mesh = stack_mesh()
    place = (mesh.gateway_namespace, mesh.gateway, 80) if mesh.installed else ("shop", "api-gateway", 8080)
    return entrance(*place)


def entrance(namespace: str, service: str, port: int) -> Address:
    """The address at which requests enter, wherever it leads."""
    return Address("gateway", namespace, service, port, 18080, "/readyz")


GATEWAY = _gateway()
GATEWAY_TLS = Address("gateway-tls", GATEWAY.namespace, GATEWAY.service, 443, 18443, GATEWAY.ready_path, "https")
"""Served where the stack has a mesh and its gateway a certificate."""
JAEGER = Address("jaeger", "observability", "jaeger", 16686, 16686, "/")
PROMETHEUS = Address("prometheus", "observability", "prometheus", 9090, 19090, "/-/ready")
LOGS = Address("victoria-logs", "observability", "victoria-logs", 9428, 19428, "/health", page_path="/select/vmui/")

GRAFANA = Address("grafana", "observability", "grafana", 3000, 13000, "/api/health")
"""Where its program is to be had: not in what `make up` builds."""

TOOLS = (JAEGER, PROMETHEUS, LOGS)
"""What people look at telemetry with; without the mesh."""

ADDRESSES = (GATEWAY, *([GATEWAY_TLS] if stack_mesh().gateway_tls else []), *TOOLS)

COLUMN = 2 + max(len(one.name) for one in ADDRESSES)
"""How wide names are where they stand before their addresses."""
