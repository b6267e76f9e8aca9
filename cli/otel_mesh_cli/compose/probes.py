"""Kubernetes' probes as health checks that run inside a container."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from otel_mesh_cli.core.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

BUSYBOX = "/otel-mesh/busybox"
"""Path of the busybox that is added to upstream's images: many have neither a shell nor an HTTP client."""

_HTTP = "import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=float(sys.argv[2]))"
_GRPC = """\
import sys, grpc
# grpc.health.v1 without its package: the request holds the service's name, the response SERVING
name = sys.argv[2].encode()
with grpc.insecure_channel(sys.argv[1]) as channel:
    check = channel.unary_unary("/grpc.health.v1.Health/Check")
    answer = check(bytes([10, len(name)]) + name, timeout=float(sys.argv[3]))
sys.exit(answer != b"\\x08\\x01")
"""
_TCP = "import sys, socket; socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=float(sys.argv[3]))"


@dataclass(frozen=True)
class Client:
    """Program that checks health inside a container."""

    python: bool
    """True: the Python of our services' images; false: the busybox that is added to upstream's."""

    def command(self, probe: Mapping[str, Any], port: int) -> list[str]:
        """The command that fails when a probe does.

        Args:
            probe: Probe of a container.
            port: Port that the probe names; 0 without one.

        Raises:
            CommandError: The probe's kind is not supported.
        """
        seconds = str(probe.get("timeoutSeconds", 1))
        if "exec" in probe:
            return list(probe["exec"]["command"])
        if "httpGet" in probe:
            url = f"http://127.0.0.1:{port}{probe['httpGet'].get('path', '/')}"
            wget = [BUSYBOX, "wget", "-q", "-T", seconds, "-O", "/dev/null", url]
            return ["python", "-c", _HTTP, url, seconds] if self.python else wget
        if "tcpSocket" in probe:
            nc = [BUSYBOX, "nc", "-z", "-w", seconds, "127.0.0.1", str(port)]
            return ["python", "-c", _TCP, "127.0.0.1", str(port), seconds] if self.python else nc
        if "grpc" in probe and self.python:
            return ["python", "-c", _GRPC, f"127.0.0.1:{port}", probe["grpc"].get("service") or "", seconds]
        raise CommandError(
            f"a probe by {', '.join(probe)}: not translated",
            remedy="translate it in cli/otel_mesh_cli/compose/probes.py",
        )


def needs_client(container: Mapping[str, Any]) -> bool:
    """Whether a container's health check needs a program that its image may lack."""
    probe = _readiness(container)
    return probe is not None and "exec" not in probe


def health_check(container: Mapping[str, Any], client: Client) -> dict[str, Any] | None:
    """The health check of a container; None without a probe.

    Compose has one check in place of three probes: the readiness probe. Until the container is first ready, interval
    and deadline are those of the startup probe.
    """
    probe = _readiness(container)
    if probe is None:
        return None
    check = {
        "test": ["CMD", *client.command(probe, _port(probe, container))],
        "interval": f"{probe.get('periodSeconds', 10)}s",
        "timeout": f"{probe.get('timeoutSeconds', 1) + 1}s",
        "retries": probe.get("failureThreshold", 3),
    }
    startup = container.get("startupProbe")
    if startup is not None:
        period = startup.get("periodSeconds", 10)
        check |= {
            "start_period": f"{period * startup.get('failureThreshold', 3)}s",
            "start_interval": f"{period}s",
        }
    return check


def _readiness(container: Mapping[str, Any]) -> Mapping[str, Any] | None:
    return container.get("readinessProbe") or container.get("livenessProbe") or container.get("startupProbe")


def _port(probe: Mapping[str, Any], container: Mapping[str, Any]) -> int:
    for kind in ("httpGet", "tcpSocket", "grpc"):
        if kind in probe:
            named: Sequence[Mapping[str, Any]] = container.get("ports", ())
            port = probe[kind]["port"]
            return port if isinstance(port, int) else {one["name"]: one["containerPort"] for one in named}[port]
    return 0
