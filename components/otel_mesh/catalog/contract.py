"""Checks of the telemetry contract: a query for each declared signal, and the status of each observed edge.

A test repeats the queries until each returns data. An observed edge with `EdgeStanding.UNDECLARED` violates the
contract.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING

from otel_mesh.catalog import log_queries
from otel_mesh.catalog.derivations import service_edges
from otel_mesh.catalog.model import EXTERNAL, OUTSIDE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from otel_mesh.catalog.model import Catalog


class EdgeStanding(StrEnum):
    """Status of an edge by the catalog."""

    DECLARED = "declared"
    """Declared in the catalog."""
    ENTRANCE = "entrance"
    """From outside the platform to an exposed service."""
    UNDECLARED = "UNDECLARED"
    """Not declared in the catalog."""
    SILENT = "silent"
    """Declared, but not observed."""


def calls_query() -> str:
    """PromQL query for the current edges of the service graph, with the labels ``client`` and ``server``."""
    return "sum by (client, server) (traces_service_graph_request_total) > 0"


def metric_query(service: str, instrument: str) -> str:
    """PromQL query that has a sample once an instrument of a service has reached Prometheus.

    Args:
        service: ``service.name`` of the service.
        instrument: Name of the instrument, such as ``http.server.request.duration``, without the suffixes for unit and
            type that Prometheus appends.
    """
    name = re.sub(r"[^A-Za-z0-9_]", "_", instrument)
    return f'count({{__name__=~"{name}(_.+)?",service_name="{service}"}}) > 0'


def log_query(service: str) -> str:
    """LogsQL query that has lines once a service has logged within a trace.

    Args:
        service: ``service.name`` of the service.
    """
    return log_queries.of_service(service)


def named_callee(catalog: Catalog, caller: str, callee: str) -> str:
    """The callee's name in the catalog.

    The service graph names a store by its system if it is outside the cluster, or if the span of a failed connection
    has no host. It names one that is a Service of another namespace after that Service.

    Args:
        catalog: Catalog with the stores.
        caller: Name of the caller in the service graph.
        callee: Name of the callee in the service graph.
    """
    service = next((one for one in catalog.services if one.name == caller), None)
    used = [catalog.store(name) for name in service.stores] if service else []
    elsewhere = [one.name for one in used if one.host is not None and one.host.partition(".")[0] == callee]
    stores = elsewhere or [one.name for one in used if one.system == callee]
    return stores[0] if len(stores) == 1 else callee


def edge_standing(catalog: Catalog, caller: str, callee: str, entrances: Collection[str] = ()) -> EdgeStanding:
    """The status of an observed edge.

    Args:
        catalog: Catalog that declares the edges.
        caller: Name of the caller in the service graph.
        callee: Name of the callee, see `named_callee`.
        entrances: Names of the callers that forward requests from outside, such as a mesh's gateway.
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
    """The declared edges that were not observed.

    Args:
        catalog: Catalog that declares the edges.
        seen: Observed pairs of caller and callee, see `named_callee`.
    """
    used = set(seen)
    return tuple(edge for edge in service_edges(catalog) if edge not in used)
