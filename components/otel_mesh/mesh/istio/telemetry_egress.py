"""Hosts outside the cluster that meshed Collectors send telemetry to, as Istio's ServiceEntries."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

from otel_mesh.mesh.istio.egress import by_host, service_entry

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pulumi

    from otel_mesh.k8s.manifests import Manifest
    from otel_mesh.mesh.policies.egress import EgressHost


def service_entries(namespace: pulumi.Input[str], hosts: Iterable[EgressHost]) -> list[Manifest]:
    """One ServiceEntry per host, visible in its namespace only.

    Args:
        namespace: Namespace of the objects.
        hosts: Servers outside the mesh.
    """
    return [_telemetry_entry(namespace, host, ports) for host, ports in by_host(hosts).items()]


def _telemetry_entry(namespace: pulumi.Input[str], host: str, ports: list[EgressHost]) -> Manifest:
    name = f"telemetry-{host.replace('.', '-').lower()}"
    spec: dict[str, Any] = {
        "resolution": "DNS",
        "ports": [
            {"number": one.port, "name": f"{one.protocol.lower()}-{one.port}", "protocol": one.protocol}
            for one in sorted(ports, key=lambda port: port.port)
        ],
    }
    if _is_address(host):  # connections to it carry no host name that a proxy could match
        spec |= {"hosts": [f"{name}.outside.invalid"], "addresses": [host], "resolution": "NONE"}
        spec["ports"] = [{**one, "name": f"tcp-{one['number']}", "protocol": "TCP"} for one in spec["ports"]]
    return service_entry(name, namespace, host, spec)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
