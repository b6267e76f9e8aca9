"""Hosts outside the cluster that meshed Collectors send telemetry to, as Istio's ServiceEntries."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from otel_mesh.core.errors import InvalidSettingsError, Problem
from otel_mesh.k8s.known import then
from otel_mesh.mesh.istio.authorization import mesh_metadata
from otel_mesh.mesh.istio.kinds import SERVICE_ENTRY
from otel_mesh.mesh.policies.egress import by_host

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pulumi

    from otel_mesh.k8s.manifests import Manifest
    from otel_mesh.mesh.istio.host_types import ServiceEntrySpec
    from otel_mesh.mesh.policies.egress import EgressHost, HostPorts


def service_entries(
    namespace: pulumi.Input[str], hosts: Iterable[EgressHost], prefix: str = "telemetry"
) -> list[Manifest]:
    """One ServiceEntry per host, visible in its namespace only.

    Args:
        namespace: Namespace of the objects.
        hosts: Servers outside the mesh.
        prefix: Beginning of the objects' names.
    """
    return [_service_entry(f"{prefix}-{one.name}", namespace, one) for one in by_host(hosts)]


def _service_entry(name: str, namespace: pulumi.Input[str], outside: HostPorts[EgressHost]) -> Manifest:
    host = outside.host if isinstance(outside.host, str) else then(outside.host, _host_name)
    spec: ServiceEntrySpec = {
        "hosts": [host],
        "location": "MESH_EXTERNAL",
        "exportTo": ["."],
        "resolution": "DNS",
        "ports": [
            {"number": one.port, "name": f"{one.protocol.lower()}-{one.port}", "protocol": one.protocol}
            for one in sorted(outside.ports, key=lambda port: port.port)
        ],
    }
    if isinstance(host, str) and _is_address(host):  # connections to it carry no host name that a proxy could match
        spec["hosts"] = [f"{name}.outside.invalid"]
        spec["resolution"] = "NONE"
        spec["ports"] = [{**one, "name": f"tcp-{one['number']}", "protocol": "TCP"} for one in spec["ports"]]
        spec["addresses"] = [host]
    return SERVICE_ENTRY.manifest(mesh_metadata(name, namespace), spec)


def _host_name(host: str) -> str:
    if _is_address(host):
        reason = "the Output's value is an address, which needs other objects than a host name"
        raise InvalidSettingsError(
            [Problem("EgressHost.host", reason, "write the address itself, or an Output of a host name")]
        )
    return host


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
