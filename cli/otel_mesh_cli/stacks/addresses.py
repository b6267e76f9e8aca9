"""The addresses people open: loopback ports that are forwarded to Services of the cluster."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.stacks.stack_mesh import stack_mesh

if TYPE_CHECKING:
    from otel_mesh_stack.outputs import ServicePort

_LOWEST, _HIGHEST = 1024, 65535


@dataclass(frozen=True)
class Address:
    """Port of 127.0.0.1 that is forwarded to a Service of the embedded cluster."""

    name: str
    """Name in output and in ``OTEL_MESH_PORT_<NAME>``."""
    default_port: int
    ready_path: str
    """Path that answers 200 once the program serves requests."""
    scheme: str = "http"
    page_path: str = ""
    """Path of the page for a browser, where it is not the address itself."""

    @property
    def place(self) -> ServicePort:
        """The Service that the port is forwarded to.

        Raises:
            CommandError: The stack does not deploy it.
        """
        # here and not above: the settings take half a second to import, and `otel-mesh env` runs in every shell
        from otel_mesh_cli.stacks import local_stack  # noqa: PLC0415

        found = local_stack.places(local_stack.settings())
        if self.name not in found:
            raise CommandError(
                f"stack local: deploys no {self.name}, which this command needs",
                remedy="let the embedded environment have its own, and send copies elsewhere by collector.exports",
            )
        return found[self.name]

    @property
    def variable(self) -> str:
        """Environment variable that sets another port."""
        return f"OTEL_MESH_PORT_{self._variable_name}"

    @property
    def port(self) -> int:
        """The loopback port.

        Raises:
            CommandError: The variable does not hold a port number.
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
        """URL without a trailing slash."""
        return f"{self.scheme}://127.0.0.1:{self.port}"

    @property
    def page(self) -> str:
        """URL for a browser; empty where it is the address itself, or nothing."""
        return f"{self.url}{self.page_path}" if self.page_path else ""

    @property
    def url_variable(self) -> str:
        """Environment variable for `url` that ``otel-mesh env`` prints."""
        return f"{self._variable_name}_URL"

    @property
    def page_variable(self) -> str:
        """Environment variable for `page` that ``otel-mesh env`` prints."""
        return f"{self._variable_name}_PAGE"

    @property
    def _variable_name(self) -> str:
        return self.name.upper().replace("-", "_")


GATEWAY = Address("gateway", 18080, "/readyz")
"""The mesh's gateway; without a mesh, the exposed service itself."""
GATEWAY_TLS = Address("gateway-tls", 18443, GATEWAY.ready_path, "https")
"""Served where the stack has a mesh whose gateway has a certificate."""
JAEGER = Address("jaeger", 16686, "/")
PROMETHEUS = Address("prometheus", 19090, "/-/ready")
LOGS = Address("victoria-logs", 19428, "/health", page_path="/select/vmui/")
ALERTS = Address("alertmanager", 19093, "/-/ready")
GRAFANA = Address("grafana", 13000, "/api/health")
"""Deployed by stacks with Grafana only: the embedded environment cannot build its image."""

TOOLS = (JAEGER, PROMETHEUS, LOGS, ALERTS)
"""Addresses of the telemetry backends."""

ADDRESSES = (GATEWAY, *([GATEWAY_TLS] if stack_mesh().gateway_tls else []), *TOOLS)

COLUMN = 2 + max(len(one.name) for one in ADDRESSES)
"""Width of the column of names in lists of addresses."""
