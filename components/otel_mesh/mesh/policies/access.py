"""Access: the callers that a workload accepts, derived from a catalog's declared calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from otel_mesh.catalog.routes import Operation, Operations, operation_problems
from otel_mesh.core.errors import InvalidSettingsError, Problem, join_path
from otel_mesh.core.labels import Label
from otel_mesh.core.values import DnsLabel, Port, Settings
from otel_mesh.k8s.network_policy import Cidr  # noqa: TC001 - pydantic reads it at run time

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Self

    from otel_mesh.catalog.model import Catalog


class Caller(Settings):
    """Workload identity of a caller.

    Attributes:
        namespace: Namespace of the caller's pods.
        service_account: ServiceAccount that they run as.
    """

    namespace: DnsLabel
    service_account: DnsLabel


class AllowedCaller(Caller):
    """A caller, and the requests it may send.

    Attributes:
        routes: Requests the caller may send; any when empty. Only to a service, in a mesh.
    """

    routes: Operations = ()

    @property
    def identity(self) -> Caller:
        """The caller itself."""
        return Caller(namespace=self.namespace, service_account=self.service_account)


def allowed(caller: Caller) -> AllowedCaller:
    """A caller with its routes; one without any may send every request."""
    return caller if isinstance(caller, AllowedCaller) else AllowedCaller(**caller.model_dump())


class Grant(Settings):
    """Callers that may do the same.

    Attributes:
        callers: Identities of the callers.
        operations: Requests that they may send; any when empty. Only for a workload that speaks HTTP.
    """

    callers: tuple[Caller, ...] = Field(min_length=1)
    operations: Operations = ()


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
    def _operations_of_the_protocol(self) -> Self:
        if not self.http and any(grant.operations for grant in self.grants):
            problem = Problem("grants", "operations on a port that does not speak HTTP", "remove 'operations'")
            raise InvalidSettingsError([problem])
        problems = [
            problem
            for place, grant in enumerate(self.grants)
            for problem in operation_problems(
                join_path("grants", place, "operations"), grant.operations, self.workload, grpc=self.grpc
            )
        ]
        if problems:
            raise InvalidSettingsError(problems)
        return self


def declared_access(
    catalog: Catalog, namespace: str, further: Mapping[str, Iterable[Caller]] | None = None
) -> tuple[Access, ...]:
    """Access to each service and store of a catalog: its declared callers and no others.

    Args:
        catalog: Catalog that declares the calls.
        namespace: Namespace of its services and stores.
        further: Callers from elsewhere by service, e.g. the gateway for an exposed service; `AllowedCaller` for one
            that may send some requests only.

    Raises:
        InvalidSettingsError: `further` names something that is not in the catalog.
    """
    further = dict(further or {})
    names = {service.name for service in catalog.services} | {store.name for store in catalog.stores}
    if unknown := sorted(further.keys() - names):
        raise InvalidSettingsError(
            [Problem(name, "is not in the catalog", "name a service or a store of it") for name in unknown]
        )
    callers: dict[str, list[AllowedCaller]] = {name: [] for name in names}
    for edge in catalog.edges():
        own = AllowedCaller(namespace=namespace, service_account=edge.caller, routes=edge.routes)
        callers[edge.callee].append(own)
    for name, others in further.items():
        callers[name] += [allowed(one) for one in others]
    return tuple(_accesses(catalog, callers))


def grants(callers: Iterable[Caller]) -> tuple[Grant, ...]:
    """One grant for all callers that may send the same requests.

    Args:
        callers: Callers of one workload.
    """
    alike: dict[tuple[Operation, ...], list[Caller]] = {}
    for one in map(allowed, callers):
        alike.setdefault(one.routes, []).append(one.identity)
    return tuple(Grant(callers=tuple(dict.fromkeys(same)), operations=operations) for operations, same in alike.items())


def _accesses(catalog: Catalog, callers: Mapping[str, list[AllowedCaller]]) -> Iterator[Access]:
    for service in catalog.services:
        yield Access(
            workload=service.name,
            label=Label.NAME,
            port=service.port,
            grpc=service.protocol == "grpc",
            grants=grants(callers[service.name]),
        )
    for store in catalog.stores:
        yield Access(workload=store.name, port=store.port, http=False, grants=grants(callers[store.name]))
