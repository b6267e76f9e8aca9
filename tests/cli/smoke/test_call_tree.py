"""The tree of an order's trace, and what is said of one that is another."""

from __future__ import annotations

import dataclasses

import pytest

from otel_mesh_cli.oncall.traces import Span
from otel_mesh_cli.smoke import order
from otel_mesh_cli.smoke.call_tree import Branch, differences
from otel_mesh_cli.stacks.stack_mesh import StackMesh

BARE = StackMesh("none", "istio-ingress", "ingress", ())
MESHED = StackMesh("istio", "istio-ingress", "ingress", ("istio-system",))


def trace(tree: Branch) -> list[Span]:
    """A trace that is exactly the tree, with a call to a database below every service that has one."""
    spans: list[Span] = []

    def grow(branch: Branch, parent: str) -> None:
        hop = branch.hop
        tags = {"span.kind": hop.kind, **({"otel_mesh.proxy": "sidecar"} if hop.proxy else {})}
        span = Span("t" * 32, f"{len(spans):016x}", parent, hop.service, branch.name or hop.kind, len(spans), 1, tags)
        spans.append(span)
        if hop.kind == "server" and not hop.proxy and hop.service in order.STORING:
            store = {"span.kind": "client", "db.system.name": "postgresql"}
            spans.append(Span("t" * 32, f"{len(spans):016x}", span.span_id, hop.service, "SELECT", 0, 1, store))
        for below in branch.below:
            grow(below, span.span_id)

    grow(tree, "9" * 16)
    return spans


@pytest.mark.parametrize("mesh", [BARE, MESHED], ids=lambda mesh: mesh.kind)
def test_the_trace_that_was_expected_lacks_nothing(mesh: StackMesh) -> None:
    spans = trace(order.expected(mesh))
    assert order.missing(spans, mesh) == []
    own = [span for span in spans if not span.is_database]
    # 4 servers, 3 calls and 3 steps of services; in a mesh two spans of the gateway and two of each call's proxies
    # and of the gateway's request one
    assert len(own) == (10 if mesh is BARE else 10 + 2 + 1 + 6)


@pytest.mark.parametrize("mesh", [BARE, MESHED], ids=lambda mesh: mesh.kind)
def test_whatever_is_missing_is_noticed(mesh: StackMesh) -> None:
    spans = trace(order.expected(mesh))
    for gone in range(len(spans)):
        assert order.missing([*spans[:gone], *spans[gone + 1 :]], mesh), spans[gone]


def test_what_is_missing_is_named_with_its_place() -> None:
    spans = [span for span in trace(order.expected(BARE)) if span.name != "take payment"]
    assert order.missing(spans, BARE)[0] == (
        "an internal span of order-service named 'take payment' below a server span of order-service"
    )


def test_a_span_too_many_and_a_store_s_span_elsewhere_are_noticed() -> None:
    tree = order.expected(BARE)
    spans = trace(tree)
    more = dataclasses.replace(spans[0], span_id="e" * 16, parent_id=spans[0].span_id, name="other")
    assert differences([*spans, more], tree) == ["reasons for 1 more spans than expected"]
    store = next(span for span in spans if span.is_database)
    moved = dataclasses.replace(store, parent_id=spans[0].span_id)
    assert differences([moved if span is store else span for span in spans], tree) == [
        "a parent in user-service for SELECT"
    ]
