"""Hosts outside the cluster that meshed Collectors send telemetry to."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import pulumi  # noqa: TC002 - a component plugin reads it at run time

from otel_mesh.core.values import Port, Settings
from otel_mesh.k8s.component import Component
from otel_mesh.mesh.istio.authorization import mesh_metadata
from otel_mesh.mesh.istio.routes import NETWORKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otel_mesh.k8s.manifests import Manifest


class EgressHost(Settings):
    """A port of a server outside the mesh.

    Attributes:
        host: Host name or IP address of the server.
        port: Port of the server.
        protocol: Protocol of the port as the proxies see it; with TLS they pass the connection through.
    """

    host: str
    port: Port
    protocol: Literal["TLS", "HTTP", "GRPC"]


@dataclass(frozen=True, kw_only=True)
class TelemetryEgressArgs:
    """Arguments of a `TelemetryEgress`.

    Attributes:
        namespace: Namespace of the Collectors.
        hosts: Servers outside the mesh.
    """

    namespace: pulumi.Input[str]
    hosts: tuple[EgressHost, ...]


def service_entries(namespace: pulumi.Input[str], hosts: Iterable[EgressHost]) -> list[Manifest]:
    """One ServiceEntry per host, visible in its namespace only.

    Args:
        namespace: Namespace of the objects.
        hosts: Servers outside the mesh.
    """
    ports: dict[str, dict[int, EgressHost]] = {}
    for one in hosts:
        ports.setdefault(one.host, {})[one.port] = one
    return [_service_entry(namespace, host, list(found.values())) for host, found in sorted(ports.items())]


def _service_entry(namespace: pulumi.Input[str], host: str, ports: list[EgressHost]) -> Manifest:
    name = f"telemetry-{host.replace('.', '-').lower()}"
    spec: dict[str, Any] = {
        "hosts": [host],
        "location": "MESH_EXTERNAL",
        "resolution": "DNS",
        "exportTo": ["."],
        "ports": [
            {"number": one.port, "name": f"{one.protocol.lower()}-{one.port}", "protocol": one.protocol}
            for one in sorted(ports, key=lambda port: port.port)
        ],
    }
    if _is_address(host):  # connections to it carry no host name that a proxy could match
        spec |= {"hosts": [f"{name}.outside.invalid"], "addresses": [host], "resolution": "NONE"}
        spec["ports"] = [{**one, "name": f"tcp-{one['number']}", "protocol": "TCP"} for one in spec["ports"]]
    return {
        "apiVersion": NETWORKING,
        "kind": "ServiceEntry",
        "metadata": mesh_metadata(name, namespace),
        "spec": spec,
    }


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


class TelemetryEgress(Component):
    """Lets the proxies of Collectors connect to telemetry backends outside the cluster."""

    TYPE: ClassVar[str] = "TelemetryEgress"

    def __init__(self, name: str, args: TelemetryEgressArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self.children(service_entries(args.namespace, args.hosts))
        self.register_outputs({})
