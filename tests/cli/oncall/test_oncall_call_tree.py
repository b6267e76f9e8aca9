"""S2.13: where a trace's time went and where its failing began, by arithmetic."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_mesh_cli.oncall import traces
from otel_mesh_cli.oncall.call_tree import CallTree, is_fault
from otel_mesh_cli.oncall.traces import Span
from tests.cli.oncall import oncall_shop as shop


def tree_of(answer: dict[str, Any]) -> CallTree:
    return CallTree(traces.parse(answer))


@st.composite
def nested(draw: st.DrawFn) -> list[Span]:
    """A trace whose children lie within their parents, one after the other."""
    spans: list[Span] = []

    def grow(parent: str | None, start: int, length: int, depth: int) -> None:
        name = f"{len(spans):x}"
        spans.append(Span("t", name, parent, "s", name, start, length))
        at = start
        for _ in range(draw(st.integers(0, 3)) if depth else 0):
            gap = draw(st.integers(0, 50))
            size = draw(st.integers(0, 200))
            if at + gap + size > start + length:
                return
            grow(name, at + gap, size, depth - 1)
            at += gap + size

    grow(None, 1000, draw(st.integers(0, 1000)), 4)
    return draw(st.permutations(spans))


@given(nested())
def test_self_times_of_a_trace_add_up_to_the_whole(spans: list[Span]) -> None:
    tree = CallTree(spans)
    (root,) = tree.roots
    assert sum(tree.self_us(span) for span in spans) == root.duration_us
    assert {span.span_id for span in tree.below(root)} == {span.span_id for span in spans}


@st.composite
def anything(draw: st.DrawFn) -> list[Span]:
    """Spans as a broken clock, a lost span or a lying sender may leave them: circles, twins, outlasting children."""
    names = st.sampled_from(["1", "2", "3", "4", "5"])
    return draw(
        st.lists(
            st.builds(
                Span,
                trace_id=st.just("t"),
                span_id=names,
                parent_id=st.none() | names | st.just("lost"),
                service=st.sampled_from(["a", "b"]),
                name=st.just("x"),
                start_us=st.integers(0, 100),
                duration_us=st.integers(0, 100),
                tags=st.sampled_from(
                    [{}, {"span.kind": "client", "otel.status_code": "ERROR"}, {"span.kind": "server", "error": True}]
                ),
            ),
            min_size=1,
            max_size=8,
        )
    )


@given(anything())
def test_self_time_is_what_no_child_covers_whatever_the_spans_are(spans: list[Span]) -> None:
    tree = CallTree(spans)
    for span in tree.spans:
        covered = {
            moment
            for child in tree.children(span)
            for moment in range(max(child.start_us, span.start_us), min(child.end_us, span.end_us))
        }
        assert tree.self_us(span) == span.duration_us - len(covered)
        assert tree.self_us(tree.slowest_hop(span)) == max(map(tree.self_us, tree.below(span)))


@given(anything())
def test_a_trace_with_a_fault_has_a_culprit_unless_faults_run_in_circles(spans: list[Span]) -> None:
    tree = CallTree(spans)
    failure = tree.first_failure()
    faulty = [span for span in tree.spans if is_fault(span)]
    if failure is not None:
        assert failure.span in faulty
        assert not any(map(is_fault, tree.children(failure.span)))
        assert failure.culprit
        assert failure.reason
    elif faulty:
        assert all(any(map(is_fault, tree.children(span))) for span in faulty)


@pytest.mark.parametrize(
    ("answer", "culprit", "hop", "reason"),
    [
        (shop.unpaid(), "payment-service", "payment-service  POST /payments", "500 RuntimeError"),
        (
            shop.unreachable(),
            "user-service",
            "api-gateway → user-service  GET /users/{id}",
            "ConnectError, no span of the callee",
        ),
        (
            shop.given_up(),
            "user-service",
            "api-gateway → user-service  GET /users/{id}",
            "ReadTimeout, callee still working when its caller gave up",
        ),
    ],
)
def test_the_first_failing_hop_names_the_culprit(answer: dict[str, Any], culprit: str, hop: str, reason: str) -> None:
    tree = tree_of(answer)
    failure = tree.first_failure()
    assert failure is not None
    assert (failure.culprit, tree.hop(failure.span), failure.reason) == (culprit, hop, reason)


def test_a_store_that_fails_is_the_culprit() -> None:
    answer = shop.well()
    for one in answer["spans"]:
        if one["spanID"] in ("b2", "b1"):
            one["tags"].append({"key": "otel.status_code", "type": "string", "value": "ERROR"})
    failure = tree_of(answer).first_failure()
    assert failure is not None
    assert (failure.culprit, failure.reason) == ("postgres", "postgresql")


def test_a_caller_that_is_told_no_is_no_fault() -> None:
    assert tree_of(shop.well(status=404)).first_failure() is None
    refused = Span("t", "1", None, "a", "x", 0, 1, {"span.kind": "client", "otel.status_code": "ERROR"})
    assert is_fault(refused)
    for status, fault in (("NOT_FOUND", False), ("UNAVAILABLE", True)):
        tags = {**refused.tags, "rpc.response.status_code": status}
        assert is_fault(Span("t", "1", None, "a", "x", 0, 1, tags)) is fault


def test_most_of_the_time_is_the_database_s_with_and_without_proxies() -> None:
    for answer in (shop.well(slower_ms=500), shop.meshed(lambda: shop.well(slower_ms=500))):
        tree = tree_of(answer)
        entry = tree.entry("user-service")
        assert entry is not None
        assert entry.proxy is None
        hop = tree.slowest_hop(tree.roots[0])
        assert tree.hop(hop) == "user-service → postgres  SELECT users"
        assert tree.self_us(hop) == 509_000
    assert tree.hop(next(span for span in tree.spans if span.proxy)) == ("api-gateway (sidecar) → user-service  GET")


@pytest.mark.parametrize(
    ("tags", "callee"),
    [
        ({"service.peer.name": "b", "server.address": "x.shop.svc"}, "b"),
        ({"peer.service": "b"}, "b"),
        ({"server.address": "postgres.shop.svc.cluster.local", "db.system.name": "postgresql"}, "postgres"),
        ({"server.address": "10.0.0.1", "db.system.name": "postgresql"}, "postgresql"),
        ({"server.address": "user-service"}, "user-service"),
        ({"server.address": "api.example.com"}, "api.example.com"),
        ({}, None),
    ],
)
def test_a_callee_has_its_name_in_the_catalog(tags: dict[str, str], callee: str | None) -> None:
    assert Span("t", "1", None, "a", "x", 0, 1, tags).callee == callee
