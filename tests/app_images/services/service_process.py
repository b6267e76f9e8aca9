"""A service as the process that a container runs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any, Self

import grpc
import httpx
from grpc_health.v1 import health_pb2, health_pb2_grpc

from otel_mesh.catalog.derivations import URL_PREFIX
from otel_mesh_cli.core import child_processes
from otel_mesh_stack.services import CATALOG
from otel_mesh_telemetry.rpc import status_name
from tests.programs.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PATIENCE_S = 30
"""Longest wait for an answer in seconds, which the services' own timeouts end sooner."""


class ServiceProcess:
    """``python -m <module>`` with an environment of its own; killed at the end if it still runs."""

    def __init__(
        self,
        module: str,
        environment: Mapping[str, str],
        folder: Path,
        name: str = "",
        protocol: str | None = None,
    ) -> None:
        self.port = int(environment.get("PORT") or free_port())
        self._protocol = protocol or CATALOG.service(module.replace("_", "-")).protocol
        self.url = f"{URL_PREFIX[self._protocol]}127.0.0.1:{self.port}"
        self._output = folder / f"{name or module}.log"
        base = {key: value for key, value in os.environ.items() if not key.startswith("OTEL_")}
        settings = {
            "PORT": str(self.port),
            "PROTOCOL": self._protocol,
            "OTEL_SERVICE_NAME": module.replace("_", "-"),
            "OTEL_BSP_SCHEDULE_DELAY": "200",
            "OTEL_BLRP_SCHEDULE_DELAY": "200",
            "OTEL_METRIC_EXPORT_INTERVAL": "500",
            "SHUTDOWN_DELAY_SECONDS": "2",
        }
        with self._output.open("wb") as output:
            self.process = child_processes.start(
                [sys.executable, "-m", module],
                env={**base, **settings, **environment},
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def wait_ready(self, timeout: float = 90.0) -> None:
        end = time.monotonic() + timeout
        while not self.ready():
            assert self.process.poll() is None, self.text()
            assert time.monotonic() < end, self.text()
            time.sleep(0.05)

    def ready(self) -> bool:
        """What the kubelet's readiness probe would find."""
        if self._protocol == "http":
            return self.status("/readyz") == httpx.codes.OK
        return self.health("readiness") == "SERVING"

    def live(self) -> bool:
        """What the kubelet's liveness probe would find."""
        if self._protocol == "http":
            return self.status("/livez") == httpx.codes.OK
        return self.health("liveness") == "SERVING"

    def health(self, service: str) -> str:
        """The answer of gRPC's health protocol, or the status of the call that failed."""
        request = health_pb2.HealthCheckRequest(service=service)
        with grpc.insecure_channel(f"127.0.0.1:{self.port}") as channel:
            try:
                answer = health_pb2_grpc.HealthStub(channel).Check(request, timeout=PATIENCE_S)  # type: ignore[attr-defined] # left out of its types
            except grpc.RpcError as error:
                return status_name(error.code())
        return health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)

    def status(self, path: str) -> int:
        try:
            return httpx.get(self.url + path, timeout=PATIENCE_S).status_code
        except httpx.TransportError:
            return 0

    def text(self) -> str:
        return self._output.read_text()

    def lines(self) -> list[dict[str, Any]]:
        """Lines of its log so far, without one that it is still writing."""
        return [json.loads(line) for line in self.text().splitlines(keepends=True) if line.endswith("\n")]

    def stop(self, timeout: float = 60.0) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)
