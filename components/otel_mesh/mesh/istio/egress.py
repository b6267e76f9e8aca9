"""Egress policies as Istio's Sidecars, ServiceEntries and DestinationRules."""

from __future__ import annotations

from ipaddress import ip_network
from typing import TYPE_CHECKING, Final

from otel_mesh.k8s.known import when_known
from otel_mesh.mesh.istio.authorization import mesh_metadata
from otel_mesh.mesh.istio.kinds import DESTINATION_RULE, SERVICE_ENTRY, SIDECAR
from otel_mesh.mesh.policies.egress import EXTERNAL, by_host

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    import pulumi

    from otel_mesh.catalog.external import ExternalCall
    from otel_mesh.k8s.manifests import Manifest
    from otel_mesh.mesh.istio.host_types import EntryPort, ServiceEntrySpec, WorkloadSelector
    from otel_mesh.mesh.istio.traffic_types import ClientTls, DestinationRuleSpec, HostTraffic, PortTraffic
    from otel_mesh.mesh.policies.egress import Egress, HostPorts

_HERE: Final = ["."]
"""Visible in the namespace itself only."""
_PROTOCOLS: Final = {"https": "TLS", "tls": "TLS", "http": "HTTP", "grpc": "GRPC", "tcp": "TCP"}
EVERY_WORKLOAD: Final = "default"
"""Name of the Sidecar of all workloads without one of their own; no workload's own Sidecar has it."""


def egress_manifests(egress: Iterable[Egress], namespace: pulumi.Input[str], prefix: str = EXTERNAL) -> list[Manifest]:
    """Objects that restrict what the proxies of a namespace connect to.

    A proxy knows the hosts of its Sidecar only. Everything else it refuses by the mesh's ``REGISTRY_ONLY``: with 502
    for HTTP, by closing the connection for other protocols.

    Args:
        egress: Egress of the workloads.
        namespace: Namespace of the workloads.
        prefix: Beginning of the names of the objects about hosts.
    """
    listed = tuple(egress)
    hosts = by_host(call for one in listed for call in one.external)
    outside = [made for one in hosts for made in _external(f"{prefix}-{one.name}", one, namespace)]
    return [*outside, *(_sidecar(one, namespace) for one in listed)]


def _sidecar(egress: Egress, namespace: pulumi.Input[str]) -> Manifest:
    inside = [f"{one.namespace}/{one.host}" for one in egress.services]
    outside = [one.host for one in by_host(egress.external)]
    hosts = when_known(tuple(outside), lambda known: sorted({*inside, *(f"./{host}" for host in known)}))
    if not egress.workload:
        return SIDECAR.manifest(mesh_metadata(EVERY_WORKLOAD, namespace), {"egress": [{"hosts": hosts}]})
    selected: WorkloadSelector = {"labels": {egress.label.value: egress.workload}}
    meta = mesh_metadata(f"{egress.workload}-egress", namespace)
    return SIDECAR.manifest(meta, {"workloadSelector": selected, "egress": [{"hosts": hosts}]})


def _external(name: str, outside: HostPorts[ExternalCall], namespace: pulumi.Input[str]) -> list[Manifest]:
    host, calls = outside.host, outside.ports
    made = [SERVICE_ENTRY.manifest(mesh_metadata(name, namespace), _entry(host, calls))]
    if secured := [call for call in calls if call.tls_port is not None]:
        traffic: HostTraffic = {"portLevelSettings": [_tls(host, call) for call in secured]}
        spec: DestinationRuleSpec = {"host": host, "exportTo": _HERE, "trafficPolicy": traffic}
        made.append(DESTINATION_RULE.manifest(mesh_metadata(name, namespace), spec))
    return made


def _port(call: ExternalCall) -> EntryPort:
    name = f"{call.protocol}-{call.port}"
    made: EntryPort = {"number": call.port, "name": name, "protocol": _PROTOCOLS[call.protocol]}
    if call.tls_port is not None:
        made["targetPort"] = call.tls_port
    return made


def _tls(host: pulumi.Input[str], call: ExternalCall) -> PortTraffic:
    # Without names to verify, any certificate of a known authority would do.
    verified: ClientTls = {
        "mode": "SIMPLE",
        "sni": host,
        "subjectAltNames": [host],
        "caCertificates": "system",
    }
    return {"port": {"number": call.port}, "tls": verified}


def _entry(host: pulumi.Input[str], calls: Collection[ExternalCall]) -> ServiceEntrySpec:
    """The host with its ports. Proxies find it at its addresses if each is a single one, else by DNS."""
    cidrs = list(dict.fromkeys(cidr for call in calls for cidr in call.addresses))
    static = bool(cidrs) and all(ip_network(cidr).num_addresses == 1 for cidr in cidrs)
    made: ServiceEntrySpec = {
        "hosts": [host],
        "location": "MESH_EXTERNAL",
        "exportTo": _HERE,
        "ports": [_port(call) for call in calls],
    }
    # connections without a host name in them are told apart by their addresses only
    if cidrs and any(call.protocol == "tcp" for call in calls):
        made["addresses"] = cidrs
    made["resolution"] = "STATIC" if static else "DNS"
    if static:
        made["endpoints"] = [{"address": cidr.partition("/")[0]} for cidr in cidrs]
    return made
