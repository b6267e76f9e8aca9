"""Health checks of a container as settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field, model_validator

from otel_mesh.core.errors import InvalidSettingsError, Problem
from otel_mesh.core.values import Port, Settings
from otel_mesh.k8s.containers import Probes

if TYPE_CHECKING:
    from typing import Self

    from otel_mesh.k8s.pod_types import Check

_KINDS = ("path", "tcp", "grpc", "command")


class HealthCheck(Settings):
    """A health check: an HTTP GET, a TCP connection, ``grpc.health.v1``, or a command in the container.

    Attributes:
        path: Path of an HTTP GET that is answered with a status from 200 to 399.
        tcp: Whether the check opens a TCP connection.
        grpc: Service of ``grpc.health.v1``; empty for the server as a whole.
        command: Command that exits with status 0.
        port: Port of the check; None for the port of the service.
        timeout_seconds: Time after which the check has failed.
    """

    path: Annotated[str, Field(pattern=r"^/\S*$", max_length=1024)] | None = None
    tcp: bool = False
    grpc: Annotated[str, Field(max_length=256)] | None = None
    command: tuple[str, ...] = ()
    port: Port | None = None
    timeout_seconds: Annotated[int, Field(ge=1, le=60)] = 2

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        given = [name for name in _KINDS if getattr(self, name) not in {None, False, ()}]
        problems = []
        if len(given) != 1:
            told = f"{' and '.join(given)} are given" if given else "nothing to check"
            problems.append(Problem("", told, f"give one of {', '.join(_KINDS)}"))
        if self.port is not None and self.command:
            problems.append(Problem("port", "has no effect on a command", "remove it"))
        if problems:
            raise InvalidSettingsError(problems)
        return self

    def manifest(self, port: int) -> Check:
        """The check as Kubernetes' type ``Probe``.

        Args:
            port: Port of the service.
        """
        where = self.port or port
        if self.path is not None:
            check: Check = {"httpGet": {"path": self.path, "port": where}}
        elif self.tcp:
            check = {"tcpSocket": {"port": where}}
        elif self.grpc is not None:
            check = {"grpc": {"port": where, "service": self.grpc}}
        else:
            check = {"exec": {"command": list(self.command)}}
        return {**check, "timeoutSeconds": self.timeout_seconds}


class HealthChecks(Settings):
    """Health checks of a container, in place of those that the service's protocol implies.

    Attributes:
        enabled: False: none, so that a pod counts as ready once its containers run.
        live: Check whose failure restarts the container.
        ready: Check whose failure removes the pod from the Service; None: ``live``.
        start: Check that has to succeed once before the others begin; None: ``live``.
        start_seconds: Time that the program may take to start.
    """

    enabled: bool = True
    live: HealthCheck | None = None
    ready: HealthCheck | None = None
    start: HealthCheck | None = None
    start_seconds: Annotated[int, Field(ge=1, le=3600)] = 60

    @model_validator(mode="after")
    def _live_or_none(self) -> Self:
        given = [one for one in (self.live, self.ready, self.start) if one is not None]
        if self.enabled and self.live is None:
            remedy = "give the check, or set 'enabled: false' for no health checks"
            raise InvalidSettingsError([Problem("live", "required but missing", remedy)])
        if given and not self.enabled:
            raise InvalidSettingsError([Problem("enabled", "is false, but checks are given", "remove it or them")])
        return self

    def probes(self, port: int) -> Probes | None:
        """The probes of a container.

        Args:
            port: Port of the service.
        """
        if self.live is None:
            return None
        return Probes(
            live=self.live.manifest(port),
            ready=self.ready.manifest(port) if self.ready else None,
            start=self.start.manifest(port) if self.start else None,
            start_seconds=self.start_seconds,
        )
