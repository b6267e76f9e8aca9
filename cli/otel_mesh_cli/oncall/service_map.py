"""`otel-mesh map`: who called whom, how often, how well and how fast, compared with the catalog."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from otel_mesh.catalog.contract import EdgeStanding, edge_standing, named_callee, silent_edges
from otel_mesh.catalog.model import OUTSIDE
from otel_mesh.teams.declarations import DECLARED_CALL, with_teams

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from rich.console import Console

    from otel_mesh.catalog.model import Catalog
    from otel_mesh_cli.oncall.options import Window
    from otel_mesh_cli.oncall.prometheus import Prometheus
    from otel_mesh_cli.oncall.sources import Sources

_METRIC = "traces_service_graph_request"
CALLS = f"{_METRIC}_total"
"""Counter of the calls, by ``client`` and ``server``."""
_QUANTILE = 0.95

Pair = tuple[str, str]


@dataclass(frozen=True)
class Edge:
    """Calls from one service to another, or to a store."""

    caller: str
    """Name of the caller."""
    callee: str
    """Name of the callee."""
    standing: EdgeStanding
    """What the catalog says of the edge."""
    calls: float = 0.0
    """Number of calls."""
    failed: float = 0.0
    """Number of calls that the callee failed."""
    p95_s: float | None = None
    """95th percentile of the duration in seconds, as measured by the caller; None where nothing was measured."""


@dataclass(frozen=True)
class ServiceMap:
    """Answer of `otel-mesh map`."""

    window: Window
    """Time of the calls."""
    edges: tuple[Edge, ...]
    """Edges that were used, and declared edges that were not, by the catalog's order of callers."""


def increase(selector: str, window: str) -> str:
    """PromQL of the increase of counters; one that did not exist when the window began has increased from zero."""
    return (
        f"((last_over_time({selector}[{window}]) unless {selector} offset {window}) or increase({selector}[{window}]))"
    )


def _quantile(side: str, window: str) -> str:
    grown = increase(f"{_METRIC}_{side}_seconds_bucket", window)
    return f"histogram_quantile({_QUANTILE}, sum by (client, server, le) ({grown}))"


def observed(prometheus: Prometheus, window: str) -> list[tuple[Pair, float, float, float | None]]:
    """Caller and callee, calls, failed calls and p95 in seconds of every edge that was used.

    Args:
        prometheus: Metric store with the series of the service map.
        window: Length of the window, e.g. ``15m``.

    Raises:
        CommandError: Prometheus does not answer.
    """
    calls: dict[Pair, float] = {}
    failed: dict[Pair, float] = {}
    counted = f"sum by (client, server, failed) ({increase(CALLS, window)}) > 0"
    for labels, value in prometheus.samples(counted):
        pair = (labels["client"], labels["server"])
        calls[pair] = calls.get(pair, 0.0) + value
        if labels["failed"] == "true":
            failed[pair] = failed.get(pair, 0.0) + value
    seen = {side: _by_pair(prometheus.samples(_quantile(side, window))) for side in ("client", "server")}
    return [
        # callers outside send no spans: only the callee measured
        (pair, number, failed.get(pair, 0.0), seen["server" if pair[0] == OUTSIDE else "client"].get(pair))
        for pair, number in sorted(calls.items())
    ]


def _by_pair(samples: Iterable[tuple[Mapping[str, str], float]]) -> dict[Pair, float]:
    """Values by edge, without those that are not a number: quantiles of nothing."""
    return {(labels["client"], labels["server"]): value for labels, value in samples if not math.isnan(value)}


def compared(
    found: Iterable[tuple[Pair, float, float, float | None]], catalog: Catalog, entrances: Collection[str] = ()
) -> list[Edge]:
    """The edges of the map with what the catalog says of them; unused declared edges are added.

    Args:
        found: Edges that were used, as `observed` returns them.
        catalog: Catalog that declares the edges.
        entrances: Callers that count as outside, beside those without a name: a mesh's gateway.
    """
    edges: dict[Pair, Edge] = {}
    for (caller, called), calls, failed, p95 in found:
        pair = caller, named_callee(catalog, caller, called)
        edge = Edge(*pair, edge_standing(catalog, *pair, entrances), calls, failed, p95)
        edges[pair] = _added(edges[pair], edge) if pair in edges else edge
    edges |= {pair: Edge(*pair, EdgeStanding.SILENT) for pair in silent_edges(catalog, edges)}
    order = [service.name for service in catalog.services]
    return sorted(
        edges.values(), key=lambda one: (order.index(one.caller) if one.caller in order else -1, one.caller, one.callee)
    )


def _added(one: Edge, more: Edge) -> Edge:
    """Sum of two edges between the same services; the quantile is that of the one with more calls."""
    p95 = max(one, more, key=lambda edge: edge.calls).p95_s
    return replace(one, calls=one.calls + more.calls, failed=one.failed + more.failed, p95_s=p95)


def ask(sources: Sources, window: Window) -> ServiceMap:
    """Reads the service map and compares it with the stack's catalog and the calls that teams' stacks declare.

    Args:
        sources: The stack's backends and its catalog.
        window: Time of the calls.

    Raises:
        CommandError: Prometheus does not answer, or the stack's outputs cannot be read.
    """
    entrances = (sources.gateway,) if sources.gateway else ()
    found = observed(sources.prometheus, window.since)
    declared = sources.prometheus.samples(f"last_over_time({DECLARED_CALL}[{window.since}])")
    catalog = with_teams(sources.catalog, (labels for labels, _ in declared))
    return ServiceMap(window, tuple(compared(found, catalog, entrances)))


def show(console: Console, answer: ServiceMap) -> None:
    """Prints the edges, and below them those that differ from the catalog."""
    table = Table("caller", "callee", box=None, pad_edge=False)
    for name in ("calls", "per s", "failed", "p95"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("catalog", no_wrap=True)
    for edge in answer.edges:
        table.add_row(*_row(edge, answer.window))
    console.print(f"calls of the last {answer.window.since}", style="bold", highlight=False)
    console.print(table)
    for standing, words in (
        (EdgeStanding.UNDECLARED, "[red]not declared[/red] in the catalog"),
        (EdgeStanding.SILENT, "[yellow]declared, not called[/yellow]"),
    ):
        if names := [f"{edge.caller} → {edge.callee}" for edge in answer.edges if edge.standing is standing]:
            console.print(f"{words}: {', '.join(names)}", highlight=False)
    if not any(edge.calls for edge in answer.edges):
        console.print("no calls counted; a call is counted some 20 s after it was made")


def _row(edge: Edge, window: Window) -> list[Text | str]:
    style = {EdgeStanding.UNDECLARED: "red", EdgeStanding.SILENT: "yellow"}.get(edge.standing, "dim")
    names: list[Text | str] = [Text(edge.caller, "cyan"), Text(edge.callee, "cyan")]
    standing = Text(edge.standing.value, style)
    if not edge.calls:
        return [*names, "-", "-", "-", "-", standing]
    share = edge.failed / edge.calls
    p95 = "-" if edge.p95_s is None else f"{1000 * edge.p95_s:.1f} ms"
    failed = Text(f"{share:.1%}", "red" if edge.failed else "green")
    return [*names, f"{edge.calls:.0f}", f"{edge.calls / window.seconds:.2f}", failed, p95, standing]
