"""The tree that a trace has to be, and what is said of one that is not."""

from __future__ import annotations

from otel_mesh_cli.oncall.traces import Span
from otel_mesh_cli.smoke.expected import Hop, differences, hops
from otel_mesh_cli.stacks.stack_mesh import StackMesh

MESHED = StackMesh("istio", "istio-ingress", "ingress", ("istio-system",))
BARE = StackMesh("none", "istio-ingress", "ingress", ())
CHAIN = ("api-gateway", "user-service")


def _span(number: int, parent: int | None, hop: Hop, **tags: str) -> Span:
    proxy = {"otel_mesh.proxy": "sidecar"} if hop.proxy else {}
    above = None if parent is None else f"{parent:016x}"
    return Span(
        "t" * 32, f"{number:016x}", above, hop.service, "name", number, 1, {"span.kind": hop.kind, **proxy, **tags}
    )


def _trace(line: list[Hop]) -> list[Span]:
    spans = [_span(number, number - 1 if number else 99, hop) for number, hop in enumerate(line)]
    store = Hop(line[-1].service, "client")
    return [*spans, _span(50, len(line) - 1, store, **{"db.system.name": "postgresql"})]


def test_without_a_mesh_only_services_make_spans() -> None:
    assert hops(CHAIN, BARE) == [
        Hop("api-gateway", "server"),
        Hop("api-gateway", "client"),
        Hop("user-service", "server"),
    ]


def test_in_a_mesh_every_call_passes_two_proxies() -> None:
    assert hops(CHAIN, MESHED) == [
        Hop("ingress", "server", proxy=True),
        Hop("ingress", "client", proxy=True),
        Hop("api-gateway", "server", proxy=True),
        Hop("api-gateway", "server"),
        Hop("api-gateway", "client"),
        Hop("api-gateway", "client", proxy=True),
        Hop("user-service", "server", proxy=True),
        Hop("user-service", "server"),
    ]


def test_the_trace_that_was_expected_differs_in_nothing() -> None:
    for mesh in (BARE, MESHED):
        line = hops(CHAIN, mesh)
        assert differences(_trace(line), line) == []


def test_a_missing_proxy_is_named_with_its_place() -> None:
    line = hops(CHAIN, MESHED)
    without = [span for span in _trace(line) if span.span_id != f"{5:016x}"]
    assert differences(without, line) == [
        "a client span of the proxy of api-gateway below a client span of api-gateway"
    ]


def test_a_wrong_parent_is_a_difference() -> None:
    line = hops(CHAIN, MESHED)
    spans = _trace(line)
    spans[6] = _span(6, 4, line[6])
    assert differences(spans, line) == [
        "a server span of the proxy of user-service below a client span of the proxy of api-gateway"
    ]


def test_one_span_too_many_is_a_difference() -> None:
    line = hops(CHAIN, BARE)
    spans = [*_trace(line), _span(60, 0, Hop("api-gateway", "client"))]
    assert differences(spans, line) == ["a client span of api-gateway below a server span of api-gateway"]
    spans[-1] = _span(60, 2, Hop("user-service", "client"))
    assert differences(spans, line) == ["reasons for 1 more spans than expected"]


def test_a_store_s_span_hangs_below_its_service() -> None:
    line = hops(CHAIN, BARE)
    spans = _trace(line)
    spans[-1] = _span(50, 0, Hop("user-service", "client"), **{"db.system.name": "postgresql"})
    assert differences(spans, line) == ["a parent in user-service for name"]
