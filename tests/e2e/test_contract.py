"""B7, S2.1, S2.12: the stores hold exactly the telemetry declared by the catalog; the tests name no signal."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from otel_mesh import EdgeStanding, calls_query, edge_standing, log_query, metric_query, named_callee
from otel_mesh.catalog.derivations import service_edges, signal_matrix
from otel_mesh_cli.oncall import options, service_map
from otel_mesh_cli.oncall.backends import at_address
from otel_mesh_cli.oncall.jaeger import Jaeger
from otel_mesh_cli.oncall.log_store import LogStore
from otel_mesh_cli.oncall.prometheus import Prometheus
from otel_mesh_cli.smoke import request
from otel_mesh_cli.stacks import local_stack
from otel_mesh_cli.stacks.addresses import JAEGER, LOGS, PROMETHEUS
from otel_mesh_stack.services import CATALOG
from tests.e2e import shop_traffic
from tests.e2e.counters import growth

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from otel_mesh_cli.oncall.service_map import Pair
    from tests.e2e.counters import Growth

pytestmark = pytest.mark.e2e

SIGNAL_MATRIX = signal_matrix(CATALOG)
SERVICE_EDGES = service_edges(CATALOG)
ENTRANCES = tuple(name for name in (local_stack.gateway(),) if name)
_DEADLINE_S = 90.0
_WINDOW = "10m"


@pytest.fixture(autouse=True, scope="module")
def traffic(http: httpx.Client) -> None:
    for _ in range(3):
        shop_traffic.send(http)


def eventually(holds: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + _DEADLINE_S
    while not holds():
        assert time.monotonic() < end, what
        time.sleep(1)


@pytest.mark.parametrize(
    ("service", "kind"), [(name, kind) for name, signals in SIGNAL_MATRIX.items() for kind in signals.spans]
)
def test_each_service_emits_its_span_kinds(http: httpx.Client, service: str, kind: str) -> None:
    def made() -> bool:
        newest = Jaeger(at_address(http, JAEGER)).search(service, options.window(_WINDOW))
        own = [span for spans in newest for span in spans if span.service == service and span.proxy is None]
        return any(span.kind == kind.lower() for span in own)

    eventually(made, f"{service} makes no {kind} span")


@pytest.mark.parametrize(
    ("service", "instrument"), [(name, metric) for name, signals in SIGNAL_MATRIX.items() for metric in signals.metrics]
)
def test_the_instruments_of_each_service_are_in_prometheus(http: httpx.Client, service: str, instrument: str) -> None:
    query = metric_query(service, instrument)
    eventually(lambda: bool(Prometheus(at_address(http, PROMETHEUS)).samples(query)), f"nothing for {query}")


@pytest.mark.parametrize("service", [name for name, signals in SIGNAL_MATRIX.items() if signals.logs])
def test_each_service_logs_within_traces(http: httpx.Client, service: str) -> None:
    logs, query = LogStore(at_address(http, LOGS)), log_query(service)

    def logged() -> bool:
        window = options.window(_WINDOW)
        return bool(logs.lines(query, window.start_us, window.end_us))

    eventually(logged, f"nothing for {query}")


def seen(http: httpx.Client) -> set[Pair]:
    samples = Prometheus(at_address(http, PROMETHEUS)).samples(calls_query())
    pairs = ((labels["client"], labels["server"]) for labels, _ in samples)
    return {(caller, named_callee(CATALOG, caller, callee)) for caller, callee in pairs}


@pytest.mark.parametrize("edge", SERVICE_EDGES, ids=" -> ".join)
def test_each_declared_edge_is_in_the_service_map(http: httpx.Client, edge: Pair) -> None:
    eventually(lambda: edge in seen(http), f"{edge} is not in {sorted(seen(http))}")


def test_the_service_map_equals_the_catalog(http: httpx.Client) -> None:
    eventually(lambda: set(SERVICE_EDGES) <= seen(http), "not all declared edges are there yet")
    standings = {pair: edge_standing(CATALOG, *pair, ENTRANCES) for pair in seen(http)}
    assert {pair for pair, one in standings.items() if one is EdgeStanding.DECLARED} == set(SERVICE_EDGES)
    assert [pair for pair, one in standings.items() if one is EdgeStanding.UNDECLARED] == []


def test_traces_show_declared_calls_only(http: httpx.Client) -> None:
    """Checks the span trees: a service with a span below a span of another service was called by it."""
    jaeger = Jaeger(at_address(http, JAEGER))
    pairs = set()
    for service in SIGNAL_MATRIX:
        for spans in jaeger.search(service, options.window(_WINDOW)):
            byid = {span.span_id: span for span in spans}
            for span in spans:
                above = byid.get(span.parent_id or "")
                if above is not None and above.service != span.service:
                    pairs.add((above.service, span.service))
                if span.is_database and span.callee:
                    pairs.add((span.service, named_callee(CATALOG, span.service, span.callee)))
    judged = {pair: edge_standing(CATALOG, *pair, ENTRANCES) for pair in pairs}
    assert {pair: one for pair, one in judged.items() if one is EdgeStanding.UNDECLARED} == {}
    assert set(SERVICE_EDGES) <= pairs


@pytest.mark.full  # it waits until the counts are stable, before and after
def test_the_call_counts_of_the_map_match_the_requests(http: httpx.Client) -> None:
    """S2.12: ten requests are counted as ten calls of each edge on their path, with and without sidecars."""
    api = Prometheus(at_address(http, PROMETHEUS))
    edge = request.SERVICES[0], request.SERVICES[1]
    counters = f'traces_service_graph_request_total{{client="{edge[0]}",server="{edge[1]}"}}'

    def settled(growing: Growth) -> float:
        last = -1.0
        while (now := growing.now()) != last:
            last = now
            time.sleep(40)  # longer than an unpaired span is held, and its metric is exported
        return now

    settled(growth(http, counters))
    growing = growth(http, counters)
    for _ in range(10):
        request.request(http)
    eventually(lambda: growing.now() >= 10, "the calls are not counted")
    assert settled(growing) == 10
    found = {pair: number for pair, number, _, _ in service_map.observed(api, _WINDOW)}
    assert found[edge] >= 10
