"""Egress: the hosts that a workload's proxy connects to, derived from a catalog's declared calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from otel_mesh.catalog.external import ExternalCall  # noqa: TC001 - pydantic reads it at run time
from otel_mesh.core.labels import Label
from otel_mesh.core.network import service_host
from otel_mesh.core.values import DnsLabel, Port, Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

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
