"""The catalogue: which services there are, and which of them may call which.

It is the single source of what is deployed, of the addresses that callers get, of the edges that a trace may show
and of the signals that tests wait for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from otel_mesh.core.errors import InvalidSettingsError, Problem, nearest
from otel_mesh.core.values import DnsLabel, InstrumentName, LabelValue, Ratio, Settings, UnprivilegedPort

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

Protocol = Literal["http", "grpc"]
StoreSystem = Literal["postgresql", "redis"]


class Service(Settings):
    """A service that we run.

    Attributes:
        name: of its workload, its Service, its identity and its ``service.name``.
        port: that it listens on.
        protocol: that it speaks there.
        version: of what is deployed, its ``service.version``.
        calls: names of the services that it calls; no other call is legitimate.
        stores: names of the data stores that it uses.
        external_calls: host names outside the platform that it calls.
        metrics: instruments of its own, e.g. ``shop.orders``, beside those that follow from what it serves and calls.
        exposed: whether people outside the cluster reach it.
        sampling_ratio: share of the traces beginning here that are kept.
    """

    name: DnsLabel
    port: UnprivilegedPort
    protocol: Protocol = "http"
    version: LabelValue = "0.1.0"
    calls: tuple[str, ...] = ()
    stores: tuple[str, ...] = ()
    external_calls: tuple[str, ...] = ()
    metrics: tuple[InstrumentName, ...] = ()
    exposed: bool = False
    sampling_ratio: Ratio = 1.0


class Store(Settings):
    """A data store that services share.

    Attributes:
        name: of its Service.
        port: that it listens on.
        system: which program it is, as in ``db.system.name``.
    """

    name: DnsLabel
    port: UnprivilegedPort
    system: StoreSystem


class Edge(Settings):
    """A declared call.

    Attributes:
        caller: name of a service.
        callee: name of a service or a store.
        protocol: of the call, or the store's system.
    """

    caller: str
    callee: str
    protocol: Protocol | StoreSystem


class Catalog(Settings):
    """All services and stores of a platform, consistent with each other.

    Two services may call each other; a service that calls itself, an unknown callee or store and a name used twice
    are refused, all mistakes at once.

    Attributes:
        name: of the platform, its ``service.namespace``.
        services: that we run.
        stores: that they use.
    """

    name: DnsLabel
    services: tuple[Service, ...] = Field(min_length=1)
    stores: tuple[Store, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        problems = [*self._duplicates(), *self._bad_references()]
        if problems:
            raise InvalidSettingsError(problems)
        return self

    def _duplicates(self) -> Iterator[Problem]:
        seen: dict[str, str] = {}
        named = [(f"services[{index}]", service.name) for index, service in enumerate(self.services)]
        named += [(f"stores[{index}]", store.name) for index, store in enumerate(self.stores)]
        for place, name in named:
            if name in seen:
                yield Problem(f"{place}.name", f"'{name}' is also the name of {seen[name]}", "give each its own name")
            seen.setdefault(name, place)

    def _bad_references(self) -> Iterator[Problem]:
        for index, service in enumerate(self.services):
            for kind, names, known in (
                ("calls", service.calls, {one.name for one in self.services}),
                ("stores", service.stores, {one.name for one in self.stores}),
            ):
                for place, name in enumerate(names):
                    path = f"services[{index}].{kind}[{place}]"
                    if kind == "calls" and name == service.name:
                        yield Problem(path, f"'{name}' calls itself", "remove it: a call to itself needs no network")
                    elif name not in known:
                        yield Problem(path, f"'{name}' is not in the catalogue", nearest(name, known - {service.name}))
                    elif name in names[:place]:
                        yield Problem(path, f"'{name}' is named twice", "remove one")

    def service(self, name: str) -> Service:
        """The service of a name.

        Raises:
            KeyError: there is none.
        """
        return {one.name: one for one in self.services}[name]

    def store(self, name: str) -> Store:
        """The store of a name.

        Raises:
            KeyError: there is none.
        """
        return {one.name: one for one in self.stores}[name]

    def edges(self) -> tuple[Edge, ...]:
        """All declared calls, by caller and then in the order of their declaration."""
        found = []
        for service in self.services:
            found += [
                Edge(caller=service.name, callee=name, protocol=self.service(name).protocol) for name in service.calls
            ]
            found += [
                Edge(caller=service.name, callee=name, protocol=self.store(name).system) for name in service.stores
            ]
        return tuple(found)

    def callers(self, name: str) -> tuple[str, ...]:
        """Who may call a service or use a store."""
        return tuple(edge.caller for edge in self.edges() if edge.callee == name)
