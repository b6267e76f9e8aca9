"""NetworkPolicies made of the connections that may be opened; every other connection is refused.

Each connection is allowed at both ends by the same statement, so that an end cannot be forgotten.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_network
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal

import pulumi  # noqa: TC002 - a component plugin reads it at run time
from pydantic import AfterValidator, Field, model_validator

from otel_mesh.core.errors import InvalidSettingsError, Problem
from otel_mesh.core.labels import Label, Role, recommended
from otel_mesh.core.values import DnsLabel, LabelKey, Port, SelectedValue, Settings
from otel_mesh.k8s.component import Component
from otel_mesh.k8s.manifests import Manifest, metadata

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Self

DEFAULT_DENY: Final = "default-deny"
"""Name of the policy that refuses what no other policy of its namespace allows."""
_NAMESPACE_NAME: Final = "kubernetes.io/metadata.name"
_EVERY_POD: Final = "every-pod"


def _cidr(text: str) -> str:
    try:
        return str(ip_network(text))
    except ValueError:
        raise ValueError("is not an address range; write one such as 10.0.0.0/8 or 192.0.2.7/32") from None


Cidr = Annotated[str, AfterValidator(_cidr)]
"""Range of IP addresses such as ``10.0.0.0/8``."""


class Pods(Settings):
    """Pods at one end of a connection.

    Attributes:
        namespace: Namespace of the pods; None for the namespaces with ``namespace_labels``.
        namespace_labels: Labels of the namespaces, in place of a name.
        labels: Labels of the pods; every pod when empty.
    """

    namespace: DnsLabel | None = None
    namespace_labels: dict[LabelKey, SelectedValue] = Field(default_factory=dict)
    labels: dict[LabelKey, SelectedValue] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_way_to_select_namespaces(self) -> Self:
        if (self.namespace is None) != bool(self.namespace_labels):
            problem = Problem("namespace", "neither or both of name and labels are given", "give one of the two")
            raise InvalidSettingsError([problem])
        return self

    @property
    def name(self) -> str:
        """Name of the workload, or of all pods of the namespace."""
        return self.labels.get(Label.INSTANCE.value) or "-".join(self.labels.values()) or _EVERY_POD


class Addresses(Settings):
    """Addresses at one end of a connection.

    Attributes:
        cidrs: Ranges of addresses; any address, also of pods, when empty.
    """

    cidrs: tuple[Cidr, ...] = ()


Peer = Pods | Addresses


class TransportPort(Settings):
    """A port of the destination's pods, not of its Service.

    Attributes:
        number: Number of the port.
        protocol: Transport protocol.
    """

    number: Port
    protocol: Literal["TCP", "UDP"] = "TCP"


class Connection(Settings):
    """Connections that may be opened.

    Attributes:
        source: End that opens the connection.
        destination: End that accepts the connection.
        ports: Ports of the destination; every port when empty.
    """

    source: Peer
    destination: Peer
    ports: tuple[TransportPort, ...] = ()


def workload_pods(namespace: str, name: str) -> Pods:
    """The pods of a workload of this library.

    Args:
        namespace: Namespace of the workload.
        name: Name of the workload.
    """
    return Pods(namespace=namespace, labels={Label.INSTANCE.value: name})


def service_pods(namespace: str, name: str) -> Pods:
    """The pods of all versions of a catalog's service.

    Args:
        namespace: Namespace of the service.
        name: Name of the service.
    """
    return Pods(namespace=namespace, labels={Label.NAME.value: name})


def tcp(source: Peer, destination: Peer, *ports: int) -> Connection:
    """Connections over TCP to some ports; to every port, whatever the protocol, without any."""
    return Connection(source=source, destination=destination, ports=tuple(TransportPort(number=one) for one in ports))


def network_policies(  # noqa: PLR0913 - the parts of a namespace's policies
    name: str,
    connections: Iterable[Connection],
    proxy_ports: Iterable[int] = (),
    place: pulumi.Input[str] = "",
    *,
    suffix: str = "connections",
    refuses_rest: bool = True,
) -> list[Manifest]:
    """NetworkPolicies of a namespace: one that allows nothing, and one per workload that allows its connections.

    Args:
        name: Name of the namespace.
        connections: Connections that may be opened; an end outside the namespace gets no policy here.
        proxy_ports: Ports at which a mesh's proxies accept connections in place of their workloads.
        place: The namespace's output, so that it exists first; its name by default.
        suffix: End of the policies' names, after that of the workload.
        refuses_rest: Whether the policy that allows nothing is among them.
    """
    rules = _Rules(tuple(TransportPort(number=one) for one in proxy_ports))
    for connection in connections:
        rules.add("egress", connection.source, connection.destination, connection.ports)
        rules.add("ingress", connection.destination, connection.source, connection.ports)
    return [
        *([_policy(DEFAULT_DENY, place or name, {}, {})] if refuses_rest else []),
        *(
            _policy(f"{workload}-{suffix}", place or name, dict(labels), directions)
            for (namespace, workload, labels), directions in rules.by_workload().items()
            if namespace == name
        ),
    ]


_Workload = tuple[str, str, tuple[tuple[str, str], ...]]
"""Namespace, name, labels."""


class _Rules:
    """Rules by workload and direction; peers with the same ports share a rule."""

    def __init__(self, proxy_ports: tuple[TransportPort, ...]) -> None:
        self._proxy_ports = proxy_ports
        self._peers: dict[_Workload, dict[str, dict[tuple[TransportPort, ...], list[Peer]]]] = {}

    def add(self, direction: str, subject: Peer, other: Peer, ports: tuple[TransportPort, ...]) -> None:
        if isinstance(subject, Addresses) or subject.namespace is None:
            return
        if ports and isinstance(other, Pods):
            ports = tuple(dict.fromkeys((*ports, *self._proxy_ports)))
        key = (subject.namespace, subject.name, tuple(sorted(subject.labels.items())))
        peers = self._peers.setdefault(key, {}).setdefault(direction, {}).setdefault(ports, [])
        if other not in peers:
            peers.append(other)

    def by_workload(self) -> dict[_Workload, dict[str, list[dict[str, Any]]]]:
        return {
            key: {
                direction: [rule for ports, peers in by_ports.items() for rule in _rules(direction, peers, ports)]
                for direction, by_ports in sorted(directions.items())
            }
            for key, directions in sorted(self._peers.items())
        }


def _rules(direction: str, peers: list[Peer], ports: tuple[TransportPort, ...]) -> list[dict[str, Any]]:
    side = "to" if direction == "egress" else "from"
    listed = {"ports": [{"port": one.number, "protocol": one.protocol} for one in ports]} if ports else {}
    selected = [found for peer in peers for found in _selected(peer)]
    made = [{side: selected, **listed}] if selected else []
    anywhere = any(isinstance(one, Addresses) and not one.cidrs for one in peers)
    return [*made, *([listed] if anywhere else [])]


def _selected(peer: Peer) -> list[dict[str, Any]]:
    if isinstance(peer, Addresses):
        return [{"ipBlock": {"cidr": cidr}} for cidr in peer.cidrs]
    namespaces = {_NAMESPACE_NAME: peer.namespace} if peer.namespace is not None else dict(peer.namespace_labels)
    found: dict[str, Any] = {"namespaceSelector": {"matchLabels": namespaces}}
    if peer.labels:
        found["podSelector"] = {"matchLabels": dict(peer.labels)}
    return [found]


def _policy(
    name: str, namespace: pulumi.Input[str], labels: Mapping[str, str], directions: Mapping[str, list[dict[str, Any]]]
) -> Manifest:
    selected = {"matchLabels": dict(labels)} if labels else {}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(name, recommended("network-policy", name, Role.NETWORK), namespace=namespace),
        # Both directions in every policy: a workload without connections of one direction has none allowed.
        "spec": {"podSelector": selected, "policyTypes": ["Ingress", "Egress"], **directions},
    }


@dataclass(frozen=True, kw_only=True)
class NetworkAccessArgs:
    """Arguments of a `NetworkAccess`.

    Attributes:
        namespace: Name of the namespace.
        connections: Connections that may be opened; those of other namespaces are ignored.
        proxy_ports: Ports at which a mesh's proxies accept connections in place of their workloads.
        place: The namespace's output, so that it exists first; its name by default.
        suffix: End of the policies' names, after that of the workload. Several components of one namespace need one
            each; what any of them allows is allowed.
        refuses_rest: Whether the namespace's other connections are refused. False if another component of the namespace
            says so already.
    """

    namespace: str
    connections: tuple[Connection, ...]
    proxy_ports: tuple[int, ...] = ()
    place: pulumi.Input[str] = ""
    suffix: str = "connections"
    refuses_rest: bool = True


class NetworkAccess(Component):
    """Makes the given connections the only ones to and from the pods of a namespace.

    The cluster's network plugin has to enforce NetworkPolicies; one that does not ignores them silently.
    """

    TYPE: ClassVar[str] = "NetworkAccess"

    def __init__(self, name: str, args: NetworkAccessArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        manifests = network_policies(
            args.namespace,
            args.connections,
            args.proxy_ports,
            args.place,
            suffix=args.suffix,
            refuses_rest=args.refuses_rest,
        )
        super().__init__(name, opts)
        self.children(manifests)
        self.register_outputs({})
