"""The setting ``network_policies`` of a stack."""

from __future__ import annotations

from otel_mesh import Cidr, Port, Settings

_API_SERVER_PORTS = (443, 6443, 8443, 16443)


class NetworkPolicySettings(Settings):
    """NetworkPolicies of a stack: declared connections only, for services, stores, observability and gateway.

    Attributes:
        enabled: Whether the policies are created. A cluster whose network plugin does not enforce them ignores them.
        api_server_ports: Ports at which the API server itself listens, behind the Service ``kubernetes``.
        api_server_addresses: Address ranges of the API server. Pods that need it may then connect to these only, and
            its proxy may open the pages of Prometheus, Jaeger, VictoriaLogs and Grafana from them. When empty, those
            pods may connect to the ports anywhere, and the API server's proxy works from a pod's own node only.
        dns_addresses: Address ranges of DNS servers that are not pods, such as NodeLocal DNSCache (169.254.20.10/32).
    """

    enabled: bool = True
    api_server_ports: tuple[Port, ...] = _API_SERVER_PORTS
    api_server_addresses: tuple[Cidr, ...] = ()
    dns_addresses: tuple[Cidr, ...] = ()
