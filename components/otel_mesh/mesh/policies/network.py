"""Connections that a catalog and a mesh need, for NetworkPolicies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_mesh.k8s.network_policy import Addresses, Connection, Pods, TransportPort, service_pods, tcp, workload_pods

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otel_mesh.catalog.model import Catalog
    from otel_mesh.k8s.network_policy import Peer
    from otel_mesh.mesh.binding import GatewayBinding, MeshBinding

_DNS_PORTS: Final = tuple(
    TransportPort(number=number, protocol=protocol) for number in (53, 5353) for protocol in ("UDP", "TCP")
)
"""Ports of the DNS server's pods: a NetworkPolicy does not see the Service's 53, and 5353 needs no privilege."""
_CLUSTER_DNS: Final = Pods(namespace="kube-system", labels={"k8s-app": "kube-dns"})


def declared_connections(catalog: Catalog, namespace: str) -> tuple[Connection, ...]:
    """Connections of a catalog's declared calls: to services, to stores, and to hosts outside the cluster.

    Args:
        catalog: Catalog that declares the calls.
        namespace: Namespace of its services and stores.
    """
    ports = {one.name: one.port for one in catalog.services} | {one.name: one.port for one in catalog.stores}
    pods = {one.name: service_pods(namespace, one.name) for one in catalog.services}
    pods |= {one.name: workload_pods(namespace, one.name) for one in catalog.stores}
    inside = [tcp(pods[edge.caller], pods[edge.callee], ports[edge.callee]) for edge in catalog.edges()]
    outside = [
        tcp(pods[service.name], Addresses(cidrs=call.addresses), call.target_port)
        for service in catalog.services
        for call in service.external_calls
    ]
    return (*inside, *outside)


def dns_connections(namespaces: Iterable[str], addresses: Iterable[str] = ()) -> tuple[Connection, ...]:
    """Connections of every pod to the cluster's DNS.

    Args:
        namespaces: Namespaces of the pods.
        addresses: Address ranges of DNS servers that are not pods, such as NodeLocal DNSCache.
    """
    servers: list[Peer] = [_CLUSTER_DNS]
    if cidrs := tuple(addresses):
        servers.append(Addresses(cidrs=cidrs))
    return tuple(
        Connection(source=Pods(namespace=namespace), destination=server, ports=_DNS_PORTS)
        for namespace in namespaces
        for server in servers
    )


def gateway_pods(gateway: GatewayBinding) -> Pods:
    """The pods of a gateway.

    Args:
        gateway: Gateway of the mesh's binding.
    """
    if gateway.pod_labels:
        return Pods(namespace=gateway.namespace, labels=gateway.pod_labels)
    return workload_pods(gateway.namespace, gateway.service)


def mesh_connections(
    binding: MeshBinding, namespaces: Iterable[str], scraper: Peer | None = None
) -> tuple[Connection, ...]:
    """Connections that the proxies of a mesh need: to the control plane, and from the program that scrapes them.

    Args:
        binding: Mesh of the pods.
        namespaces: Namespaces with pods in the mesh.
        scraper: Pods that scrape the proxies; None without any.
    """
    control, scraping = binding.control_plane, binding.proxy_scraping
    members = [Pods(namespace=namespace) for namespace in namespaces]
    found, proxied = [], list(members)
    if control is not None:
        place = Pods(namespace=control.namespace, labels=control.pod_labels)
        found += [tcp(every, place, *control.ports) for every in members]
        if set(control.ports) & set(binding.proxy_ports):  # it has proxies of its own
            proxied.append(place)
    if scraper is not None and scraping is not None:
        found += [tcp(scraper, pods, scraping.port) for pods in proxied]
    return tuple(found)
