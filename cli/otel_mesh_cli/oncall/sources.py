"""What an on-call command asks: the telemetry backends and the catalog of one stack.

Each backend is reached by the URL that the user gives, else for stack ``local`` by its loopback address, else through
the API server of the stack's cluster. Nothing is looked up before it is needed: a command that gets along with URLs
needs neither a kubeconfig nor the Pulumi CLI.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Final

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.oncall import backends
from otel_mesh_cli.oncall.jaeger import Jaeger
from otel_mesh_cli.oncall.log_store import LogStore
from otel_mesh_cli.oncall.prometheus import Prometheus
from otel_mesh_cli.stacks import stack_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import httpx

    from otel_mesh.catalog.model import Catalog
    from otel_mesh_cli.oncall.api_server import ApiServer
    from otel_mesh_cli.oncall.backends import Backend
    from otel_mesh_cli.oncall.stack_outputs import StackOutputs


@dataclass(frozen=True)
class Target:
    """The stack that a command is about, and how its backends are reached."""

    stack: str = stack_file.LOCAL
    """Name of the stack."""
    context: str | None = None
    """Context of the kubeconfig; by default the one in the stack's file."""
    jaeger_url: str | None = None
    """Base URL of Jaeger's query API."""
    prometheus_url: str | None = None
    """Base URL of Prometheus' API."""
    logs_url: str | None = None
    """Base URL of VictoriaLogs' API."""

    @property
    def is_on_loopback(self) -> bool:
        """Whether the backends have loopback addresses: those of the embedded environment."""
        return self.stack == stack_file.LOCAL and self.context is None

    @property
    def flags(self) -> str:
        """The options that name this target, for a command that a person is to type, with a space before each.

        A password in a URL is left out.
        """
        options = {
            "--stack": None if self.stack == stack_file.LOCAL else self.stack,
            "--context": self.context,
            "--jaeger-url": backends.without_login(self.jaeger_url or ""),
            "--logs-url": backends.without_login(self.logs_url or ""),
        }
        return "".join(f" {name} {value}" for name, value in options.items() if value)


_SETTINGS: Final = {"jaeger": "jaeger", "prometheus": "prometheus", "logs": "victoria_logs"}
"""Field of a stack's output ``telemetry`` -> setting of the backend."""


@dataclass
class Sources:
    """The backends and the catalog of a target, each looked up on first use."""

    target: Target
    closing: ExitStack = field(repr=False)

    @cached_property
    def jaeger(self) -> Jaeger:
        """The trace store."""
        return Jaeger(self._backend("jaeger", self.target.jaeger_url, "jaeger"))

    @cached_property
    def prometheus(self) -> Prometheus:
        """The metric store."""
        return Prometheus(self._backend("prometheus", self.target.prometheus_url, "prometheus"))

    @cached_property
    def logs(self) -> LogStore:
        """The log store."""
        return LogStore(self._backend("victoria-logs", self.target.logs_url, "logs"))

    @property
    def catalog(self) -> Catalog:
        """The catalog of services that the stack was deployed with."""
        return self._outputs.catalog

    @property
    def canaries(self) -> Mapping[str, int]:
        """Weights of the canaries that the stack was deployed with, in percent by service."""
        return self._outputs.canaries

    @property
    def gateway(self) -> str | None:
        """``service.name`` of the mesh's gateway; None without a mesh."""
        place = self._outputs.telemetry.gateway
        return place.name if place else None

    def _backend(self, name: str, url: str | None, part: str) -> Backend:
        flag = f"--{part}-url"
        if url:
            return backends.at_url(self._http, name, url, flag)
        if self.target.is_on_loopback:
            # here and not above: the addresses are those of stack local, whose file a checkout may lack
            from otel_mesh_cli.stacks.addresses import TOOLS  # noqa: PLC0415

            return backends.at_address(self._loopback_http, next(one for one in TOOLS if one.name == name))
        if not self._is_outside(part):  # a context that does not exist is found without asking the Pulumi CLI
            _ = self._api_server
        place = getattr(self._outputs.telemetry, part)
        if place is None:
            raise CommandError(
                f"stack {self.target.stack}: deploys no {name}", remedy=f"give the URL of your own with {flag}"
            )
        if (query_url := getattr(place, "url", None)) is not None:
            setting = f"{_SETTINGS[part]}.query_url of stack {self.target.stack}"
            return backends.at_url(self._http, name, query_url, setting)
        if not hasattr(place, "port"):
            stack = self.target.stack
            raise CommandError(
                f"stack {stack}: {name} is outside, and its query API is not known",
                remedy=f"set {_SETTINGS[part]}.query_url in Pulumi.{stack}.yaml, or give the URL with {flag}",
            )
        return self._api_server.backend(name, place)

    def _is_outside(self, part: str) -> bool:
        """Whether the stack's file names an address in place of a component; then no cluster is asked."""
        setting = stack_file.settings(self.target.stack).get(_SETTINGS[part])
        return isinstance(setting, dict) and "endpoint" in setting

    @cached_property
    def _outputs(self) -> StackOutputs:
        # each is imported where it is needed: settings and the Kubernetes client take a second together
        from otel_mesh_cli.oncall import stack_outputs  # noqa: PLC0415

        return stack_outputs.read(self.target.stack, self.target.context)

    @cached_property
    def _api_server(self) -> ApiServer:
        from otel_mesh_cli.oncall.api_server import api_server  # noqa: PLC0415

        return self.closing.enter_context(api_server(self.target.context or self._context_of_stack()))

    def _context_of_stack(self) -> str:
        file = stack_file.require(self.target.stack)
        settings = stack_file.settings(self.target.stack)
        return stack_file.value(file, settings, "cluster", "context", kind=str, default=None)

    @cached_property
    def _http(self) -> httpx.Client:
        return self.closing.enter_context(backends.client())

    @cached_property
    def _loopback_http(self) -> httpx.Client:
        return self.closing.enter_context(backends.loopback_client())


@contextmanager
def sources(target: Target) -> Iterator[Sources]:
    """The sources of a target, whose connections are closed in the end."""
    with ExitStack() as closing:
        yield Sources(target, closing)
