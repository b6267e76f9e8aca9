"""The trees that the traces of the smoke check have to be, and what is said of others."""

from __future__ import annotations

import dataclasses

import pytest

from otel_mesh_cli.oncall.traces import Span
from otel_mesh_cli.smoke import order, request
from otel_mesh_cli.smoke.expected import Branch, problems
from otel_mesh_cli.stacks.local_stack import NO_PROXIES, Proxies

ISTIO = Proxies("envoy", "ingress")
LINKERD = Proxies("linkerd")
SERVED = Proxies("envoy+linkerd", "ingress")
MESHES = pytest.mark.parametrize(
    "proxies", [NO_PROXIES, ISTIO, LINKERD, SERVED], ids=["bare", "istio", "linkerd", "served"]
)


def trace(tree: Branch, storing: frozenset[str]) -> list[Span]:
    """A trace that is exactly the tree, with a call to a database below every service that has one."""
    spans: list[Span] = []

    def grow(branch: Branch, parent: str) -> None:
        tags = {"span.kind": branch.kind, **({"otel_mesh.proxy": "sidecar"} if branch.proxy else {})}
        name = branch.name or branch.kind
        span = Span("t" * 32, f"{len(spans):016x}", parent, branch.service, name, len(spans), 1, tags)
        spans.append(span)
        if branch.kind == "server" and not branch.proxy and branch.service in storing:
            store = {"span.kind": "client", "db.system.name": "postgresql"}
            spans.append(Span("t" * 32, f"{len(spans):016x}", span.span_id, branch.service, "SELECT", 0, 1, store))
        for child in branch.children:
            grow(child, span.span_id)

    grow(tree, "9" * 16)
    return spans


def test_without_a_mesh_only_services_make_spans() -> None:
    assert [str(one) for one in request.tree(NO_PROXIES).spans()] == [
        "a server span of api-gateway",
        "a client span of api-gateway",
        "a server span of user-service",
    ]


def test_in_a_mesh_every_call_passes_two_proxies() -> None:
    assert [str(one) for one in request.tree(ISTIO).spans()] == [
        "a server span of the proxy of ingress",
        "a client span of the proxy of ingress",
        "a server span of the proxy of api-gateway",
        "a server span of api-gateway",
        "a client span of api-gateway",
        "a client span of the proxy of api-gateway",
        "a server span of the proxy of user-service",
        "a server span of user-service",
    ]


def test_linkerd_s_proxies_have_a_span_towards_their_own_workload_too() -> None:
    assert [str(one) for one in request.tree(LINKERD).spans()] == [
        "a server span of the proxy of api-gateway",
        "an internal span of the proxy of api-gateway",
        "a server span of api-gateway",
        "a client span of api-gateway",
        "an internal span of the proxy of api-gateway",
        "a client span of the proxy of api-gateway",
        "a server span of the proxy of user-service",
        "an internal span of the proxy of user-service",
        "a server span of user-service",
    ]


def test_a_gateway_of_envoy_in_linkerd_has_a_proxy_beside_it() -> None:
    gateway = [str(one) for one in request.tree(SERVED).spans()][:4]
    assert gateway == [
        "a server span of the proxy of ingress",
        "a client span of the proxy of ingress",
        "an internal span of the proxy of ingress",
        "a client span of the proxy of ingress",
    ]
    unseen = dataclasses.replace(LINKERD, gateway="contour")
    assert request.tree(unseen) == request.tree(LINKERD), "a gateway that makes no spans"


def test_an_order_goes_through_all_services() -> None:
    # 4 servers, 3 calls and 3 steps of services; in a mesh two spans of the gateway, one of the proxy that gets the
    # gateway's request, and two of the proxies of each call
    assert len(list(order.tree(NO_PROXIES).spans())) == 10
    assert len(list(order.tree(ISTIO).spans())) == 10 + 2 + 1 + 6
    assert len(list(order.tree(LINKERD).spans())) == 10 + 2 + 12


@MESHES
def test_nothing_is_wrong_with_the_expected_trace(proxies: Proxies) -> None:
    for tree, storing in ((request.tree(proxies), request.STORING), (order.tree(proxies), order.STORING)):
        assert problems(trace(tree, storing), tree, storing) == []
    assert order.problems_in(trace(order.tree(proxies), order.STORING), proxies) == []


@MESHES
def test_whatever_is_missing_is_noticed(proxies: Proxies) -> None:
    for tree, storing in ((request.tree(proxies), request.STORING), (order.tree(proxies), order.STORING)):
        spans = trace(tree, storing)
        for gone in range(len(spans)):
            assert problems([*spans[:gone], *spans[gone + 1 :]], tree, storing), spans[gone]


def test_what_is_missing_is_named_with_its_place() -> None:
    spans = [span for span in trace(order.tree(NO_PROXIES), order.STORING) if span.name != "take payment"]
    assert order.problems_in(spans, NO_PROXIES)[0] == (
        "missing an internal span of order-service named 'take payment' below a server span of order-service"
    )
    tree = request.tree(ISTIO)
    spans = trace(tree, request.STORING)
    del spans[5]
    assert problems(spans, tree, request.STORING) == [
        "missing a client span of the proxy of api-gateway below a client span of api-gateway"
    ]


def test_a_wrong_parent_is_noticed() -> None:
    tree = request.tree(ISTIO)
    spans = trace(tree, request.STORING)
    spans[6] = dataclasses.replace(spans[6], parent_id=spans[4].span_id)
    assert problems(spans, tree, request.STORING) == [
        "missing a server span of the proxy of user-service below a client span of the proxy of api-gateway"
    ]


def test_unexpected_spans_are_counted() -> None:
    tree = request.tree(NO_PROXIES)
    spans = trace(tree, request.STORING)
    twin = dataclasses.replace(spans[1], span_id="e" * 16)
    assert problems([*spans, twin], tree, request.STORING) == [
        "missing a client span of api-gateway below a server span of api-gateway"
    ], "of two that fit, none is known to be the expected one"
    more = [dataclasses.replace(spans[0], span_id=digit * 16, parent_id=spans[2].span_id) for digit in "ef"]
    assert problems([*spans, more[0]], tree, request.STORING) == ["1 unexpected span"]
    assert problems([*spans, *more], tree, request.STORING) == ["2 unexpected spans"]


def test_a_store_s_span_is_a_child_of_a_span_of_its_own_service() -> None:
    tree = request.tree(ISTIO)
    *spans, store = trace(tree, request.STORING)
    assert problems(spans, tree, request.STORING) == ["missing a database span of user-service"]
    elsewhere = "span SELECT of {0} is no child of a span of {0} that may call a store"
    for parent in (spans[3], spans[6]):
        moved = dataclasses.replace(store, parent_id=parent.span_id)
        assert problems([*spans, moved], tree, request.STORING) == [elsewhere.format("user-service")], parent
    foreign = dataclasses.replace(store, service="api-gateway", parent_id=spans[3].span_id)
    assert problems([*spans, store, foreign], tree, request.STORING) == [elsewhere.format("api-gateway")]
