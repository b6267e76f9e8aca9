"""The catalog: the services of a platform and the calls between them.

The deployed services, the addresses of callees, the permitted edges of traces and the expected signals all derive from
it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from pydantic import Field, model_validator

from otel_mesh.catalog.external import HostName, NamedExternalCall, contradictions
from otel_mesh.catalog.routes import NamedCall, Operation, operation_problems
from otel_mesh.catalog.versions import Version, VersionName, deployment_name
from otel_mesh.core.errors import InvalidSettingsError, Problem, join_path, nearest
from otel_mesh.core.values import DnsLabel, InstrumentName, LabelValue, PathPrefix, Ratio, Settings, UnprivilegedPort

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self


Protocol = Literal["http", "grpc"]
StoreSystem = Literal["postgresql", "redis"]


EXTERNAL: Final = "external"
"""Callee of all calls to hosts outside the cluster; one name for all keeps the number of series bounded."""

OUTSIDE: Final = "user"
"""Caller of requests that arrived without a trace context; the connector's fixed name for it."""


_LABEL_LENGTH: Final = 63


class Service(Settings):
    """A service of the platform.

    Attributes:
        name: Name of the workload, the Kubernetes Service and the service account; ``service.name``.
        port: Port the service listens on.
        protocol: Protocol of the port.
        version: Deployed version, ``service.version``.
        calls: Services it calls: names, or `Call` with the requests it sends; any other call is undeclared.
        stores: Names of the data stores it uses.
        external_calls: Hosts outside the platform that it calls: host names, or `ExternalCall` for other than HTTPS.
        metrics: Names of its own instruments, such as ``shop.orders``, besides those of its protocols and stores.
        exposed: Whether the service is reachable from outside the cluster.
        path_prefix: Prefix of the paths that the mesh's gateway forwards to the service, if it is exposed.
        sampling_ratio: Share of the traces starting at the service that are sampled.
        versions: Further versions that run beside ``version``, behind the same Kubernetes Service.
    """

    name: DnsLabel
    port: UnprivilegedPort
    protocol: Protocol = "http"
    version: LabelValue = "0.1.0"
    calls: tuple[NamedCall, ...] = ()
    stores: tuple[str, ...] = ()
    external_calls: tuple[NamedExternalCall, ...] = ()
    metrics: tuple[InstrumentName, ...] = ()
    exposed: bool = False
    path_prefix: PathPrefix = "/"
    sampling_ratio: Ratio = 1.0
    versions: dict[VersionName, Version] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _versions_apart(self) -> Self:
        problems = list(self._bad_versions())
        if problems:
            raise InvalidSettingsError(problems)
        return self

    @property
    def callees(self) -> tuple[str, ...]:
        """The names of the services it calls."""
        return tuple(call.service for call in self.calls)

    def deployments(self) -> dict[str, str]:
        """The names of the further versions' Deployments, by version."""
        return {name: deployment_name(self.name, name) for name in self.versions}

    def _bad_versions(self) -> Iterator[Problem]:
        seen: dict[str, str] = {}
        for name, made in self.deployments().items():
            path = join_path("versions", name)
            if name == self.version:
                yield Problem(path, "is the version of the service itself", "give the further version another name")
            if made in seen:
                yield Problem(path, f"has the same Deployment as '{seen[made]}', {made}", "give it another name")
            if len(made) > _LABEL_LENGTH:
                yield Problem(path, f"its Deployment's name {made} is too long", f"use at most {_LABEL_LENGTH} letters")
            seen.setdefault(made, name)


class Store(Settings):
    """A data store shared by services.

    Attributes:
        name: Name of the Kubernetes Service.
        port: Port the store listens on.
        system: Database system, ``db.system.name``.
        host: Host name that clients connect to, of a store that runs elsewhere; None for the Kubernetes Service.
    """

    name: DnsLabel
    port: UnprivilegedPort
    system: StoreSystem
    host: HostName | None = None


class Edge(Settings):
    """A declared call.

    Attributes:
        caller: Name of the calling service.
        callee: Name of the called service or store.
        protocol: Protocol of the call, or the system of the store.
        routes: Requests the caller may send; any when empty.
    """

    caller: str
    callee: str
    protocol: Protocol | StoreSystem
    routes: tuple[Operation, ...] = ()


class Catalog(Settings):
    """The services and stores of a platform.

    Two services may call each other. A service that calls itself, an unknown callee or store and a duplicate name are
    rejected, all at once.

    Attributes:
        name: Name of the platform, ``service.namespace``.
        services: Services of the platform.
        stores: Data stores of the services.
    """

    name: DnsLabel
    services: tuple[Service, ...] = Field(min_length=1)
    stores: tuple[Store, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        problems = [
            *self._duplicates(),
            *self._bad_references(),
            *self._bad_routes(),
            *self._shared_prefixes(),
            *self._contradicting_hosts(),
        ]
        if problems:
            raise InvalidSettingsError(problems)
        return self

    def _duplicates(self) -> Iterator[Problem]:
        seen: dict[str, str] = {}
        named = [(f"services[{index}]", service.name) for index, service in enumerate(self.services)]
        named += [
            (join_path("services", index, "versions", version), name)
            for index, service in enumerate(self.services)
            for version, name in service.deployments().items()
        ]
        named += [(f"stores[{index}]", store.name) for index, store in enumerate(self.stores)]
        for place, name in named:
            if name in seen and ".versions." in place:
                yield Problem(place, f"its Deployment {name} has the name of {seen[name]}", "give it another name")
            elif name in seen:
                yield Problem(f"{place}.name", f"'{name}' is also the name of {seen[name]}", "give each its own name")
            seen.setdefault(name, place)

    def _bad_references(self) -> Iterator[Problem]:
        for index, service in enumerate(self.services):
            for kind, names, known in (
                ("calls", service.callees, {one.name for one in self.services}),
                ("stores", service.stores, {one.name for one in self.stores}),
            ):
                for place, name in enumerate(names):
                    path = f"services[{index}].{kind}[{place}]"
                    if kind == "calls" and name == service.name:
                        yield Problem(path, f"'{name}' calls itself", "remove it")
                    elif name not in known:
                        yield Problem(path, f"'{name}' is not in the catalog", nearest(name, known - {service.name}))
                    elif name in names[:place]:
                        yield Problem(path, f"'{name}' is listed twice", "remove one")

    def _bad_routes(self) -> Iterator[Problem]:
        protocols = {one.name: one.protocol for one in self.services}
        for index, service in enumerate(self.services):
            for place, call in enumerate(service.calls):
                path, protocol = f"services[{index}].calls[{place}].routes", protocols.get(call.service)
                if protocol is not None:
                    yield from operation_problems(path, call.routes, call.service, grpc=protocol == "grpc")

    def _shared_prefixes(self) -> Iterator[Problem]:
        seen: dict[str, str] = {}
        for index, service in enumerate(self.services):
            if not service.exposed:
                continue
            if other := seen.get(service.path_prefix):
                reason = f"'{service.path_prefix}' is also the prefix of {other}, and both are exposed"
                yield Problem(f"services[{index}].path_prefix", reason, "give each exposed service its own prefix")
            seen.setdefault(service.path_prefix, f"services[{index}]")

    def _contradicting_hosts(self) -> Iterator[Problem]:
        calls = {
            f"services[{index}].external_calls[{place}]": call
            for index, service in enumerate(self.services)
            for place, call in enumerate(service.external_calls)
        }
        yield from contradictions(calls)

    def service(self, name: str) -> Service:
        """The service with a name.

        Raises:
            KeyError: No service has the name.
        """
        return {one.name: one for one in self.services}[name]

    def store(self, name: str) -> Store:
        """The store with a name.

        Raises:
            KeyError: No store has the name.
        """
        return {one.name: one for one in self.stores}[name]

    def edges(self) -> tuple[Edge, ...]:
        """All declared calls, ordered by caller and declaration."""
        found = []
        for service in self.services:
            found += [
                Edge(
                    caller=service.name,
                    callee=call.service,
                    protocol=self.service(call.service).protocol,
                    routes=call.routes,
                )
                for call in service.calls
            ]
            found += [
                Edge(caller=service.name, callee=name, protocol=self.store(name).system) for name in service.stores
            ]
        return tuple(found)

    def callers(self, name: str) -> tuple[str, ...]:
        """The names of the services that may call a service or use a store."""
        return tuple(edge.caller for edge in self.edges() if edge.callee == name)
