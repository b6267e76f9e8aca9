"""Hosts outside the cluster that meshed Collectors send telemetry to, as Istio's ServiceEntries."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from otel_mesh.mesh.istio.authorization import mesh_metadata
from otel_mesh.mesh.istio.egress import by_host
from otel_mesh.mesh.istio.kinds import SERVICE_ENTRY

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pulumi

    from otel_mesh.k8s.manifests import Manifest
    from otel_mesh.mesh.istio.host_types import ServiceEntrySpec
    from otel_mesh.mesh.policies.egress import EgressHost


def service_entries(
    namespace: pulumi.Input[str], hosts: Iterable[EgressHost], prefix: str = "telemetry"
) -> list[Manifest]:
    """One ServiceEntry per host, visible in its namespace only.

    Args:
        namespace: Namespace of the objects.
        hosts: Servers outside the mesh.
        prefix: Beginning of the objects' names.
    """
    named = [(f"{prefix}-{host.replace('.', '-').lower()}", host, ports) for host, ports in by_host(hosts).items()]
    return [_service_entry(name, namespace, host, ports) for name, host, ports in named]


def _service_entry(name: str, namespace: pulumi.Input[str], host: str, ports: list[EgressHost]) -> Manifest:
    spec: ServiceEntrySpec = {
        "hosts": [host],
        "location": "MESH_EXTERNAL",
        "exportTo": ["."],
        "resolution": "DNS",
        "ports": [
            {"number": one.port, "name": f"{one.protocol.lower()}-{one.port}", "protocol": one.protocol}
            for one in sorted(ports, key=lambda port: port.port)
        ],
    }
    if _is_address(host):  # connections to it carry no host name that a proxy could match
        spec["hosts"] = [f"{name}.outside.invalid"]
        spec["resolution"] = "NONE"
        spec["ports"] = [{**one, "name": f"tcp-{one['number']}", "protocol": "TCP"} for one in spec["ports"]]
        spec["addresses"] = [host]
    return SERVICE_ENTRY.manifest(mesh_metadata(name, namespace), spec)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
