"""B4: the Gateway API's routes in a report: what they do, and what a change of them does."""

from __future__ import annotations

from typing import Any

import pytest

from otel_mesh.check.index import Index
from otel_mesh.check.objects import objects
from otel_mesh_cli.review.kinds import Kind
from otel_mesh_cli.review.markdown import comment
from otel_mesh_cli.review.transport import Route, routes
from tests.cli.review.test_risks import MESHED, Manifest, a_report, a_workload, an_object

GROUP = "gateway.networking.k8s.io/v1"
SERVICE = {"group": "", "kind": "Service", "name": "a"}
GATEWAY = {"name": "ingress", "namespace": "edge"}


def a_route(name: str, parent: Manifest, *rules: Manifest, kind: str = "HTTPRoute", **spec: Any) -> Manifest:  # noqa: ANN401
    metadata = spec.pop("metadata", {})
    return an_object(kind, name, {"parentRefs": [parent], "rules": list(rules), **spec}, GROUP, metadata=metadata)


def to(*services: str | tuple[str, int], path: str = "", **rule: Any) -> Manifest:  # noqa: ANN401
    """A rule with its backends, each with a weight or without."""
    pairs = [(one, 1) if isinstance(one, str) else one for one in services]
    if path:
        rule["matches"] = [{"path": {"type": "PathPrefix", "value": path}}]
    return {"backendRefs": [{"name": name, "port": 80, "weight": weight} for name, weight in pairs], **rule}


def a_service(name: str, *ports: int, **selector: str) -> Manifest:
    listed = [{"name": f"p{one}", "port": one} for one in ports or (80,)]
    selected: dict[str, str] = {"app": "a", **selector}
    return an_object("Service", name, {"selector": selected, "ports": listed}, "v1")


def of(*manifests: Manifest) -> tuple[Route, ...]:
    return routes(Index(objects([MESHED, a_workload("a"), *manifests])))


def told(*manifests: Manifest) -> list[tuple[str, str]]:
    """Requests and destinations, in the order in which the rules apply."""
    return [(one.match, one.where) for one in of(*manifests)]


def moved(before: list[Manifest], after: list[Manifest]) -> list[tuple[str, ...]]:
    report = a_report([MESHED, *before], [MESHED, *after])
    return [(one.subject, one.before, one.after) for one in report.risks if one.kind is Kind.TRAFFIC]


def test_a_route_that_takes_requests_from_another_at_a_gateway() -> None:
    whole = a_route("shop", GATEWAY, to("shop"))
    narrow = a_route("reviews", GATEWAY, to("reviews", path="/api/orders"))
    said = ("edge/ingress (/api/orders/*)", "shop.shop", "reviews.shop")
    assert moved([whole], [whole, narrow]) == [said]
    assert moved([whole, narrow], [whole]) == [(said[0], said[2], said[1])]
    report = a_report([whole], [whole, narrow])
    assert report.verdict.startswith(
        "Requests to edge/ingress (/api/orders/*) go to reviews.shop (before: shop.shop); no data is deleted"
    )
    assert "| after | `edge/ingress` | /api/orders/* | reviews.shop | - | 0 | - |" in comment(report)


def test_a_second_route_of_the_same_requests_is_never_used() -> None:
    first, second = (a_route(name, GATEWAY, to(name, path="/x")) for name in ("a", "b"))
    assert moved([first], [first, second]) == []
    assert moved([second], [first, second]) == [("edge/ingress (/x/*)", "b.shop", "a.shop")]


def test_the_route_of_a_host_takes_its_requests_from_the_route_of_all_hosts() -> None:
    every = a_route("every", GATEWAY, to("a", path="/x"))
    one = a_route("one", GATEWAY, to("b", path="/x"), hostnames=["one.example.com", "*.example.org"])
    assert told(every, one) == [
        ("of one.example.com /x/*", "b.shop"),
        ("of *.example.org /x/*", "b.shop"),
        ("/x/*", "a.shop"),
    ]
    assert moved([every], [every, one])[-1] == ("edge/ingress (of one.example.com /x/*)", "a.shop", "b.shop")


def test_a_redirect_of_one_listener_leaves_the_other_alone() -> None:
    redirect = {"type": "RequestRedirect", "requestRedirect": {"scheme": "https", "statusCode": 301}}
    plain = a_route("plain", {**GATEWAY, "sectionName": "http"}, {"filters": [redirect]})
    secure = a_route("secure", {**GATEWAY, "sectionName": "https"}, to("a"))
    assert sorted(told(plain, secure)) == [
        ("of listener http", "a redirect to https://*"),
        ("of listener https", "a.shop"),
    ]
    assert moved([secure], [plain, secure]) == [
        ("edge/ingress (of listener http)", "no route: 404", "a redirect to https://*")
    ]


def test_services_that_select_one_version_are_versions_of_the_service() -> None:
    services = [a_service("a"), a_service("a-v1", version="v1"), a_service("a-next", version="V2.0")]

    def canary(weight: int) -> list[Manifest]:
        return [*services, a_route("canary", SERVICE, to(("a-v1", 1000 - weight), ("a-next", weight)))]

    assert moved(canary(0), canary(25)) == [("shop/a", "version v1", "97.5 % version v1, 2.5 % version v2-0")]
    said = "2.5 % of the requests to shop/a go to version v2-0 (before: 0 %)"
    assert said in a_report(canary(0), canary(25)).verdict
    elsewhere = [*services, a_route("other", SERVICE, to("b"))]
    assert moved(services, elsewhere) == [("shop/a", "all pods of the Service", "b.shop")]


def test_rules_apply_by_their_match_and_not_by_their_place() -> None:
    header = {"headers": [{"name": "X-Canary", "value": "true"}]}
    exact = {"path": {"type": "Exact", "value": "/x"}}
    assert told(
        a_route("a", GATEWAY, to("a"), to("b", matches=[header]), to("c", matches=[{"method": "GET"}])),
        a_route("b", GATEWAY, to("d", path="/x"), to("e", matches=[exact]), to("f", path="/x/y")),
    ) == [
        ("/x", "e.shop"),
        ("/x/y/*", "f.shop"),
        ("/x/*", "d.shop"),
        ("GET", "c.shop"),
        ("with x-canary: true", "b.shop"),
        ("", "a.shop"),
    ]


def test_a_route_in_another_namespace_is_for_its_own_callers() -> None:
    own = a_route("own", SERVICE, to("a"))
    theirs = a_route("theirs", {**SERVICE, "namespace": "shop"}, to("b"), metadata={"namespace": "reviews"})
    assert told(own, theirs) == [("of sourceNamespace reviews", "b.reviews"), ("", "a.shop")]
    assert moved([own], [own, theirs]) == [
        ("shop/a (of sourceNamespace reviews)", "all pods of the Service", "b.reviews")
    ]


def test_the_port_of_a_service_with_several_is_named() -> None:
    route = a_route("a", {**SERVICE, "port": 81}, to("a"))
    assert told(route, a_service("a", 81)) == [("", "a.shop")]
    assert told(route, a_service("a", 81, 82)) == [("of port 81", "a.shop")]


@pytest.mark.parametrize(
    ("match", "words"),
    [
        ({"method": {"service": "shop.Users", "method": "Get"}}, "/shop.Users/Get"),
        ({"method": {"service": "shop.Users"}}, "/shop.Users/*"),
        ({"method": {"method": "Get"}}, "matching /[^/]+/Get"),
        ({"method": {"type": "RegularExpression", "service": "shop[.].*"}}, "matching /shop[.].*/.+"),
        ({"headers": [{"name": "x-canary", "type": "Exact", "value": "true"}]}, "with x-canary: true"),
    ],
)
def test_calls_of_a_grpc_route(match: Manifest, words: str) -> None:
    assert told(a_route("a", SERVICE, to("b", matches=[match]), kind="GRPCRoute")) == [(words, "b.shop")]


def test_a_rule_without_backends() -> None:
    rule = a_route("a", SERVICE, {})
    assert told(rule) == [("", "the answer 500")]
    meshed = an_object("Server", "a", {}, "policy.linkerd.io/v1beta3")
    assert told(rule, meshed) == [("", "a.shop")], "Linkerd sends them on"
    assert told(a_route("a", GATEWAY, to(("a", 0))), meshed) == [("", "the answer 500")]


def test_timeouts_and_retries_of_the_standard_and_of_linkerd() -> None:
    standard = a_route("a", SERVICE, to("a", timeouts={"request": "1m30s"}, retry={"attempts": 3}))
    notes = {"timeout.linkerd.io/request": "1500ms", "retry.linkerd.io/http": "5xx"}
    linkerd = a_route("b", {**SERVICE, "name": "b"}, to("b"), metadata={"annotations": notes})
    assert [(one.timeout, one.attempts) for one in of(standard, linkerd)] == [("90s", 3), ("1500ms", 1)]


def test_routes_of_a_server_choose_no_destination() -> None:
    assert told(a_route("a", {"group": "policy.linkerd.io", "kind": "Server", "name": "a"}, {})) == []


def test_a_real_workload_is_not_taken_for_an_error_backend() -> None:
    labels = {"app.kubernetes.io/name": "error-backend", "app.kubernetes.io/component": "mesh"}
    report = a_report([MESHED], [MESHED, a_workload("errors", **labels)])
    assert "shop/errors accepts anyone" in report.verdict
