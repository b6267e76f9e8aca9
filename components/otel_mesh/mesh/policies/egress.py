"""Egress: the hosts that a workload's proxy connects to, derived from a catalog's declared calls."""

from __future__ import annotations

from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Annotated, Any, Final, Generic, Literal, TypeVar

from otel_mesh.catalog.external import ExternalCall, OutsideHost
from otel_mesh.core.errors import InvalidSettingsError, Problem
from otel_mesh.core.labels import Label
from otel_mesh.core.network import service_host
from otel_mesh.core.outputs import OrOutput, is_late
from otel_mesh.core.values import DnsLabel, Port, Settings
from otel_mesh.k8s.known import then, when_known

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pulumi

    from otel_mesh.catalog.model import Catalog

EXTERNAL: Final = "external"
"""Beginning of the names of objects about hosts outside the cluster."""


class MeshHost(Settings):
    """A Service of the cluster.

    Attributes:
        service: Name of the Service.
        namespace: Namespace of the Service.
    """

    service: DnsLabel
    namespace: DnsLabel

    @property
    def host(self) -> str:
        """DNS name of the Service."""
        return service_host(self.service, self.namespace)


class Egress(Settings):
    """Hosts that a workload's proxy connects to; it refuses connections to any other.

    Attributes:
        workload: Name of the workload, the value of a label of its pods; None for all workloads of the namespace
            without an `Egress` of their own.
        label: Label that holds the name: the pods of all versions of a service have the same
            ``app.kubernetes.io/name``.
        services: Services inside the cluster.
        external: Hosts outside the cluster.
    """

    workload: DnsLabel | None = None
    label: Literal[Label.NAME, Label.INSTANCE] = Label.INSTANCE
    services: tuple[MeshHost, ...] = ()
    external: tuple[ExternalCall, ...] = ()


if TYPE_CHECKING:
    ServerInput = pulumi.Input[str]
else:
    ServerInput = Annotated[str, OrOutput()]
    """Host name or IP address, or an Output of a host name."""


class EgressHost(OutsideHost):
    """A port of a server outside the mesh.

    The host's name may be an Output, an IP address may not: the mesh needs other objects for addresses.

    Attributes:
        host: Host name or IP address of the server.
        port: Port of the server.
        protocol: Protocol of the port as the proxies see it; with TLS they pass the connection through.
    """

    host: ServerInput
    port: Port
    protocol: Literal["TLS", "HTTP", "GRPC"]


OutsideT = TypeVar("OutsideT", bound=OutsideHost)


@dataclass(frozen=True, kw_only=True)
class HostPorts(Generic[OutsideT]):
    """The ports of a host outside the mesh.

    Attributes:
        name: Name of the host in the names of objects.
        host: Name of the host.
        ports: Ports of the host.
    """

    name: str
    host: pulumi.Input[str]
    ports: tuple[OutsideT, ...]


def by_host(outside: Iterable[OutsideT]) -> tuple[HostPorts[OutsideT], ...]:
    """Ports outside the mesh by host, in the order of their keys; of two with the same number, the later one.

    Args:
        outside: Ports of hosts.

    Raises:
        InvalidSettingsError: A name has several hosts, or a host several names. With Outputs, the hosts' values raise
            it when they are known.
    """
    found: dict[str, dict[int, OutsideT]] = {}
    named: dict[str, tuple[pulumi.Input[str], ...]] = {}
    for one in outside:
        found.setdefault(one.key, {})[one.port] = one
        named[one.key] = (*named.get(one.key, ()), one.host)
    given = {key: named[key] for key in sorted(named)}
    known = when_known(given, _one_each)
    return tuple(
        HostPorts(
            name=key.replace(".", "-").lower(),
            # of several hosts, only those that are Outputs are unknown in a preview
            host=then(known, itemgetter(key)) if any(map(is_late, hosts)) else hosts[0],
            ports=tuple(found[key].values()),
        )
        for key, hosts in given.items()
    )


def _one_each(hosts: Mapping[str, tuple[Any, ...]]) -> dict[str, str]:
    """The host of each key."""
    keys: dict[str, str] = {}
    problems = []
    for key, named in hosts.items():
        if len(set(named)) > 1:
            problems.append(Problem("host", f"'{key}' is the name of several hosts", "give each host its own name"))
        other = keys.setdefault(named[0], key)
        if other != key:
            remedy = "give the host the same name everywhere"
            problems.append(Problem("host", f"'{key}' and '{other}' name the same host", remedy))
    if problems:
        raise InvalidSettingsError(problems)
    return {key: named[0] for key, named in hosts.items()}


def declared_egress(
    catalog: Catalog,
    namespace: str,
    common: Iterable[MeshHost] = (),
    further: Mapping[str, Iterable[MeshHost]] | None = None,
    outside: Mapping[str, Iterable[ExternalCall]] | None = None,
) -> tuple[Egress, ...]:
    """Egress of the workloads of a catalog's namespace.

    The services and stores of the catalog are hosts of every workload: which of them accepts whom is decided where the
    call arrives, by its `Access`. Hosts outside the cluster cannot decide, so each has its declared callers only.

    Args:
        catalog: Catalog that declares the calls.
        namespace: Namespace of its services and stores.
        common: Further Services that all workloads call, such as the Collector's.
        further: Further Services by workload.
        outside: Hosts outside the cluster by workload, of workloads that are not in the catalog.
    """
    names = [*(one.name for one in catalog.services), *(one.name for one in catalog.stores)]
    every = (*(MeshHost(service=name, namespace=namespace) for name in names), *common)
    services = {one.name: one.external_calls for one in catalog.services}
    calls = {**services, **{name: tuple(hosts) for name, hosts in (outside or {}).items()}}
    extra = {name: tuple(hosts) for name, hosts in (further or {}).items()}
    special = [name for name in {**calls, **extra} if calls.get(name) or extra.get(name)]
    return (
        Egress(services=every),
        *(
            Egress(
                workload=name,
                label=Label.NAME if name in services else Label.INSTANCE,
                services=(*every, *extra.get(name, ())),
                external=calls.get(name, ()),
            )
            for name in special
        ),
    )
