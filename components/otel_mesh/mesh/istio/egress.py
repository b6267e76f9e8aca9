"""Egress policies as Istio's Sidecars, ServiceEntries and DestinationRules."""

from __future__ import annotations

from ipaddress import ip_network
from typing import TYPE_CHECKING, Any, Final, TypeVar

from otel_mesh.mesh.istio.authorization import mesh_metadata
from otel_mesh.mesh.istio.routes import NETWORKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    import pulumi

    from otel_mesh.catalog.external import ExternalCall
    from otel_mesh.k8s.manifests import Manifest
    from otel_mesh.mesh.policies.egress import Egress, EgressHost

_Outside = TypeVar("_Outside", "ExternalCall", "EgressHost")
_HERE: Final = ["."]
"""Visible in the namespace itself only."""
_PROTOCOLS: Final = {"https": "TLS", "tls": "TLS", "http": "HTTP", "grpc": "GRPC", "tcp": "TCP"}
EVERY_WORKLOAD: Final = "default"
"""Name of the Sidecar of all workloads without one of their own; no workload's own Sidecar has it."""


def egress_manifests(egress: Iterable[Egress], namespace: pulumi.Input[str]) -> list[Manifest]:
    """Objects that restrict what the proxies of a namespace connect to.

    A proxy knows the hosts of its Sidecar only. Everything else it refuses by the mesh's ``REGISTRY_ONLY``: with 502
    for HTTP, by closing the connection for other protocols.

    Args:
        egress: Egress of the workloads.
        namespace: Namespace of the workloads.
    """
    listed = tuple(egress)
    calls = by_host(call for one in listed for call in one.external)
    outside = [made for host, ports in calls.items() for made in _external(host, ports, namespace)]
    return [*outside, *(_sidecar(one, namespace) for one in listed)]


def by_host(outside: Iterable[_Outside]) -> dict[str, list[_Outside]]:
    """Ports outside the mesh by host, in the order of the hosts' names; of two with the same number, the later one."""
    ports: dict[str, dict[int, _Outside]] = {}
    for one in outside:
        ports.setdefault(one.host, {})[one.port] = one
    return {host: list(ports[host].values()) for host in sorted(ports)}


def service_entry(name: str, namespace: pulumi.Input[str], host: str, spec: Mapping[str, Any]) -> Manifest:
    """A host outside the mesh as a ServiceEntry that is visible in its namespace only.

    Args:
        name: Name of the object.
        namespace: Namespace of the object.
        host: Host name.
        spec: Ports, resolution and whatever else its ``spec`` has.
    """
    return {
        "apiVersion": NETWORKING,
        "kind": "ServiceEntry",
        "metadata": mesh_metadata(name, namespace),
        "spec": {"hosts": [host], "location": "MESH_EXTERNAL", "exportTo": _HERE, **spec},
    }


def _sidecar(egress: Egress, namespace: pulumi.Input[str]) -> Manifest:
    name = f"{egress.workload}-egress" if egress.workload else EVERY_WORKLOAD
    selected = {"workloadSelector": {"labels": {egress.label.value: egress.workload}}} if egress.workload else {}
    inside = [f"{one.namespace}/{one.host}" for one in egress.services]
    hosts = sorted({*inside, *(f"./{call.host}" for call in egress.external)})
    return {
        "apiVersion": NETWORKING,
        "kind": "Sidecar",
        "metadata": mesh_metadata(name, namespace),
        "spec": {**selected, "egress": [{"hosts": hosts}]},
    }


def _external(host: str, calls: list[ExternalCall], namespace: pulumi.Input[str]) -> list[Manifest]:
    name = f"external-{host.replace('.', '-')}"
    spec = {"ports": [_port(call) for call in calls], **_resolution(calls)}
    made = [service_entry(name, namespace, host, spec)]
    if secured := [call for call in calls if call.tls_port is not None]:
        made.append(
            {
                "apiVersion": NETWORKING,
                "kind": "DestinationRule",
                "metadata": mesh_metadata(name, namespace),
                "spec": {
                    "host": host,
                    "exportTo": _HERE,
                    "trafficPolicy": {"portLevelSettings": [_tls(call) for call in secured]},
                },
            }
        )
    return made


def _port(call: ExternalCall) -> dict[str, Any]:
    target = {"targetPort": call.tls_port} if call.tls_port is not None else {}
    name = f"{call.protocol}-{call.port}"
    return {"number": call.port, "name": name, "protocol": _PROTOCOLS[call.protocol], **target}


def _tls(call: ExternalCall) -> dict[str, Any]:
    # Without names to verify, any certificate of a known authority would do.
    verified = {"mode": "SIMPLE", "sni": call.host, "subjectAltNames": [call.host], "caCertificates": "system"}
    return {"port": {"number": call.port}, "tls": verified}


def _resolution(calls: Collection[ExternalCall]) -> dict[str, Any]:
    """How proxies find the host: at its addresses if each is a single one, else by DNS."""
    cidrs = list(dict.fromkeys(cidr for call in calls for cidr in call.addresses))
    # connections without a host name in them are told apart by their addresses only
    named = {"addresses": cidrs} if cidrs and any(call.protocol == "tcp" for call in calls) else {}
    if not cidrs or any(ip_network(cidr).num_addresses > 1 for cidr in cidrs):
        return {**named, "resolution": "DNS"}
    hosts = [cidr.partition("/")[0] for cidr in cidrs]
    return {**named, "resolution": "STATIC", "endpoints": [{"address": one} for one in hosts]}
