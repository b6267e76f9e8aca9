"""The telemetry contract, checked: what to ask the stores for each declared signal, and what to make of what was seen.

A test asks each query until it has an answer; whatever answers is `signal_matrix` come true. An edge that was seen is
judged by `edge_standing`: one that is `EdgeStanding.UNDECLARED` breaks the contract.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING

from otel_mesh.backends import log_queries
from otel_mesh.catalog.derivations import service_edges
from otel_mesh.collector.service_graph import EXTERNAL, OUTSIDE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from otel_mesh.catalog.model import Catalog


class EdgeStanding(StrEnum):
    """What the catalogue says of an edge that was seen, or was not."""

    DECLARED = "declared"
    """A call that the catalogue allows."""
    ENTRANCE = "entrance"
    """From outside into a service that is exposed."""
    UNDECLARED = "UNDECLARED"
    """A call that it does not."""
    SILENT = "silent"
    """Declared, and nobody called."""


def calls_query() -> str:
    """PromQL of the edges that the service map has now, with the labels ``client`` and ``server``."""
    return "sum by (client, server) (traces_service_graph_request_total) > 0"


def metric_query(service: str, instrument: str) -> str:
    """PromQL that has a sample once a service's instrument reached Prometheus by OTLP.

    Args:
        service: its ``service.name``.
        instrument: name as of the conventions, e.g. ``http.server.request.duration``; unit and kind, which Prometheus
            appends to it, need not be known.
    """
    name = re.sub(r"[^A-Za-z0-9_]", "_", instrument)
    return f'count({{__name__=~"{name}(_.+)?",service_name="{service}"}}) > 0'


def log_query(service: str) -> str:
    """LogsQL that has lines once a service logged within a trace.

    Args:
        service: its ``service.name``.
    """
    return log_queries.of_service(service)


def named_callee(catalog: Catalog, caller: str, callee: str) -> str:
    """The callee by its name in the catalogue: a store that a lost connection left without a host has its system's.

    Args:
        catalog: with the stores.
        caller: who called.
        callee: as the service map names it.
    """
    service = next((one for one in catalog.services if one.name == caller), None)
    stores = [name for name in service.stores if catalog.store(name).system == callee] if service else []
    return stores[0] if len(stores) == 1 else callee


def edge_standing(catalog: Catalog, caller: str, callee: str, entrances: Collection[str] = ()) -> EdgeStanding:
    """What the catalogue says of an edge that was seen.

    Args:
        catalog: that declares the edges.
        caller: as the service map names it.
        callee: as of `named_callee`.
        entrances: what stands for the outside beside callers without a name: a mesh's gateway.
    """
    if (caller, callee) in service_edges(catalog):
        return EdgeStanding.DECLARED
    if callee == EXTERNAL and any(one.name == caller and one.external_calls for one in catalog.services):
        return EdgeStanding.DECLARED
    exposed = {one.name for one in catalog.services if one.exposed} | set(entrances)
    if caller in {OUTSIDE, *entrances} and callee in exposed:
        return EdgeStanding.ENTRANCE
    return EdgeStanding.UNDECLARED


def silent_edges(catalog: Catalog, seen: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Declared edges that are not among those seen.

    Args:
        catalog: that declares the edges.
        seen: callers with callees as of `named_callee`.
    """
    used = set(seen)
    return tuple(edge for edge in service_edges(catalog) if edge not in used)
