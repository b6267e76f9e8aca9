"""Access: the callers that a workload accepts, derived from a catalog's declared calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from otel_mesh.core.errors import InvalidSettingsError, Problem
from otel_mesh.core.labels import Label
from otel_mesh.core.values import DnsLabel, Port, Settings
from otel_mesh.k8s.network_policy import Cidr  # noqa: TC001 - pydantic reads it at run time

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Self

    from otel_mesh.catalog.model import Catalog

Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


class Caller(Settings):
    """Workload identity of a caller.

    Attributes:
        namespace: Namespace of the caller's pods.
        service_account: ServiceAccount that they run as.
    """

    namespace: DnsLabel
    service_account: DnsLabel


class Operation(Settings):
    """HTTP requests of one kind.

    Attributes:
        methods: HTTP methods; all of them when empty.
        path: Path of the request, exact, or a prefix if it ends in an asterisk; any path when empty.
    """

    methods: tuple[Method, ...] = ()
    path: str = Field(default="", pattern=r"^(/[^*\s]*\*?)?$", max_length=1024)


class Grant(Settings):
    """Callers that may do the same.

    Attributes:
        callers: Identities of the callers.
        operations: Requests that they may send; any when empty. Only for a workload that speaks HTTP.
    """

    callers: tuple[Caller, ...] = Field(min_length=1)
    operations: tuple[Operation, ...] = ()


class Access(Settings):
    """Callers that a workload accepts; the mesh refuses every other call to it.

    Attributes:
        workload: Name of the workload, the value of a label of its pods.
        label: Label that holds the name: the pods of all versions of a service have the same
            ``app.kubernetes.io/name``.
        port: Port of the pods that may be called.
        http: True: the port speaks HTTP or gRPC, so that operations can be told apart.
        grpc: True: the port speaks gRPC, and the kubelet's probes of it are calls of ``grpc.health.v1.Health``.
        grants: Who may call. Without any, nobody may.
        networks: Address ranges whose callers may call without an identity, of gateways outside the mesh. Linkerd only.
        probe_paths: Paths of the kubelet's HTTP probes at this port. They matter where operations are told apart: a
            mesh whose proxies see the probes leaves GET of these paths open.
    """

    workload: DnsLabel
    port: Port
    label: Literal[Label.NAME, Label.INSTANCE] = Label.INSTANCE
    http: bool = True
    grpc: bool = False
    grants: tuple[Grant, ...] = ()
    networks: tuple[Cidr, ...] = ()
    probe_paths: tuple[Annotated[str, Field(pattern=r"^/[^*\s]*$")], ...] = ("/livez", "/readyz")

    @model_validator(mode="after")
    def _operations_need_http(self) -> Self:
        if not self.http and any(grant.operations for grant in self.grants):
            problem = Problem("grants", "operations on a port that does not speak HTTP", "remove 'operations'")
            raise InvalidSettingsError([problem])
        return self


def declared_access(
    catalog: Catalog, namespace: str, further: Mapping[str, Iterable[Caller]] | None = None
) -> tuple[Access, ...]:
    """Access to each service and store of a catalog: its declared callers and no others.

    Args:
        catalog: Catalog that declares the calls.
        namespace: Namespace of its services and stores.
        further: Callers from elsewhere by service, e.g. the gateway for an exposed service.

    Raises:
        InvalidSettingsError: `further` names something that is not in the catalog.
    """
    further = dict(further or {})
    names = {service.name for service in catalog.services} | {store.name for store in catalog.stores}
    if unknown := sorted(further.keys() - names):
        raise InvalidSettingsError(
            [Problem(name, "is not in the catalog", "name a service or a store of it") for name in unknown]
        )
    callers: dict[str, list[Caller]] = {name: [] for name in names}
    for edge in catalog.edges():
        callers[edge.callee].append(Caller(namespace=namespace, service_account=edge.caller))
    for name, others in further.items():
        callers[name] += others
    return tuple(_accesses(catalog, callers))


def _accesses(catalog: Catalog, callers: Mapping[str, list[Caller]]) -> Iterator[Access]:
    for service in catalog.services:
        yield Access(
            workload=service.name,
            label=Label.NAME,
            port=service.port,
            grpc=service.protocol == "grpc",
            grants=_grants(callers[service.name]),
        )
    for store in catalog.stores:
        yield Access(workload=store.name, port=store.port, http=False, grants=_grants(callers[store.name]))


def _grants(callers: Iterable[Caller]) -> tuple[Grant, ...]:
    known = tuple(dict.fromkeys(callers))
    return (Grant(callers=known),) if known else ()
