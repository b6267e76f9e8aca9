"""B4: risks that a change of single objects brings, and what an update does with them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from otel_mesh.catalog.model import Catalog, Service
from otel_mesh.check.callers import ANYONE
from otel_mesh_cli.checks import replay
from otel_mesh_cli.oncall import options
from otel_mesh_cli.publish.github import GitHub
from otel_mesh_cli.publish.text import fitted
from otel_mesh_cli.review import traffic
from otel_mesh_cli.review.access import Call
from otel_mesh_cli.review.kinds import Kind
from otel_mesh_cli.review.markdown import comment
from otel_mesh_cli.review.model import Version
from otel_mesh_cli.review.objects import Action, compare
from otel_mesh_cli.review.report import Report, Side
from otel_mesh_cli.review.sarif import sarif

Manifest = dict[str, Any]


def an_object(kind: str, name: str, spec: object = None, group: str = "x.istio.io/v1", **more: Any) -> Manifest:  # noqa: ANN401
    metadata = {"name": name, "namespace": "shop", **more.pop("metadata", {})}
    return {"apiVersion": group, "kind": kind, "metadata": metadata, **({} if spec is None else {"spec": spec}), **more}


def a_workload(name: str, **labels: str) -> Manifest:
    template = {"metadata": {"labels": {"app": name, **labels}}, "spec": {"serviceAccountName": name, "containers": []}}
    return an_object("Deployment", name, {"replicas": 1, "template": template}, "apps/v1")


MESHED: Manifest = {
    "apiVersion": "v1",
    "kind": "Namespace",
    "metadata": {"name": "shop", "labels": {"istio.io/rev": "x"}},
}


def a_report(before: list[Manifest], after: list[Manifest], environment: str = "production") -> Report:
    old, new = (Side(name, Version(tuple(one), environment), {}) for name, one in (("a", before), ("b", after)))
    return Report("prod", old, new, "otel-mesh review")


def risks(before: list[Manifest], after: list[Manifest], environment: str = "production") -> list[tuple[str, ...]]:
    return [(one.kind.value, one.subject, one.before, one.after) for one in a_report(before, after, environment).risks]


def a_route(name: str, **rule: Any) -> Manifest:  # noqa: ANN401
    rule.setdefault("route", [{"destination": {"host": f"{name}.shop.svc.cluster.local"}}])
    return an_object("VirtualService", name, {"hosts": [name], "http": [rule]})


def a_policy(name: str, spec: Manifest, namespace: str = "shop") -> Manifest:
    return an_object("AuthorizationPolicy", name, spec, metadata={"namespace": namespace})


def an_allow(name: str, *accounts: str, **operation: list[str]) -> Manifest:
    rule: Manifest = {"from": [{"source": {"principals": [f"cluster.local/ns/shop/sa/{one}" for one in accounts]}}]}
    if operation:
        rule["to"] = [{"operation": operation}]
    return a_policy(f"{name}-callers", {"selector": {"matchLabels": {"app": name}}, "rules": [rule]})


OUTSIDE_MESH = {"sidecar.istio.io/inject": "false"}


def a_network_policy(name: str, *callers: str) -> Manifest:
    peers = [{"podSelector": {"matchLabels": {"app": one}}} for one in callers]
    spec = {"podSelector": {"matchLabels": {"app": name}}, "ingress": [{"from": peers}] if peers else []}
    return an_object("NetworkPolicy", name, spec, "networking.k8s.io/v1")


@pytest.mark.parametrize(
    ("policies", "expected"),
    [
        ([], {Call("shop/a", ANYONE)}),
        ([a_policy("deny-all", {})], set()),
        ([a_policy("deny-all", {}, "elsewhere")], {Call("shop/a", ANYONE)}),
        ([a_policy("deny-all", {}, "istio-system"), an_allow("a", "b")], {Call("shop/a", "shop/b")}),
        ([an_allow("other", "b")], {Call("shop/a", ANYONE)}),
        (
            [an_allow("a", "b", methods=["GET"], paths=["/x"], notPorts=["1"])],
            {Call("shop/a", "shop/b", "GET /x not ports 1")},
        ),
        ([a_policy("p", {"rules": [{}]})], {Call("shop/a", ANYONE)}),
        ([a_policy("p", {"rules": [{"from": [{"source": {"namespaces": ["n"]}}]}]})], {Call("shop/a", "namespace n")}),
        ([a_policy("d", {"action": "DENY", "rules": [{}]})], set()),
        (
            [a_policy("d", {"action": "DENY", "rules": [{"to": [{"operation": {"paths": ["/debug"]}}]}]})],
            {Call("shop/a", ANYONE)},
        ),
        ([an_allow("a", "b"), a_network_policy("a", "b")], {Call("shop/a", "shop/b")}),
        ([an_allow("a", "b", "c"), a_workload("c"), a_network_policy("a", "b")], {Call("shop/a", "shop/b")}),
        ([a_network_policy("a", "c"), a_workload("c")], {Call("shop/a", "shop/c")}),
        ([a_network_policy("a")], set()),
        ([an_allow("a", "c"), a_workload("c", **OUTSIDE_MESH)], set()),
        (
            [a_policy("p", {"rules": [{"from": [{"source": {"principals": ["cluster.local/ns/n/*"]}}]}]})],
            {Call("shop/a", "cluster.local/ns/n/*")},
        ),
    ],
)
def test_b4_calls_that_policies_let_through(policies: list[Manifest], expected: set[Call]) -> None:
    objects = [MESHED, a_workload("a"), *policies]
    assert {one for one in Version(tuple(objects)).calls if one.callee == "shop/a"} == expected


def test_b4_a_workload_without_a_proxy_accepts_anyone() -> None:
    label = {"sidecar.istio.io/inject": "false"}
    objects = [MESHED, a_workload("a", **label), a_policy("deny-all", {})]
    assert Version(tuple(objects)).calls == {Call("shop/a", ANYONE)}
    before = [MESHED, a_workload("a"), a_policy("deny-all", {})]
    assert (Kind.LEAVES.value, "shop/a", "has a proxy", "has none") in risks(before, objects)
    assert (Kind.OPENS.value, "shop/a", "accepts nobody", "accepts anyone") in risks(before, objects)


def test_b4_a_network_policy_that_goes_opens_access() -> None:
    objects = [MESHED, a_workload("a"), a_workload("c")]
    assert risks([*objects, a_network_policy("a", "c")], objects) == [
        (Kind.OPENS.value, "shop/a", "accepts shop/c", "accepts anyone")
    ]


def guards(auth: tuple[str, ...], network: tuple[str, ...] | None) -> list[Manifest]:
    policies = [an_allow("a", *auth)] + ([] if network is None else [a_network_policy("a", *network)])
    return [MESHED, *map(a_workload, "abc"), *policies]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (
            guards(("b",), ("b",)),
            guards(("b",), ("b", "c")),
            [("shop/c -> shop/a", "refused by NetworkPolicies", "let through by NetworkPolicies")],
        ),
        (
            guards(("b",), ("b",)),
            guards(("b", "c"), ("b",)),
            [("shop/c -> shop/a", "refused by the mesh's policies", "let through by the mesh's policies")],
        ),
        (
            guards(("b",), ("b",)),
            guards(("b",), None),
            [("shop/a", "NetworkPolicies restrict callers", "NetworkPolicies let anyone through")],
        ),
        (guards(("b",), ("b",)), guards(("b", "c"), ("b", "c")), []),
        (guards(("b",), None), guards(("b", "c"), None), []),
        (guards(("b", "c"), ("b", "c")), guards(("b",), ("b",)), []),
    ],
)
def test_b4_one_of_two_guards_that_opens_is_told_without_a_call_that_is_gained(
    before: list[Manifest], after: list[Manifest], expected: list[tuple[str, ...]]
) -> None:
    found = risks(before, after)
    assert [one[1:] for one in found if one[0] == Kind.GUARD.value] == expected
    if expected:
        assert not any(one[0] == Kind.OPENS.value for one in found)
        told = ("alone refuse the call shop/c -> shop/a", "NetworkPolicies of shop/a let anyone through")
        assert any(one in a_report(before, after).verdict for one in told)


def test_b4_linkerd_policies_decide_who_may_call() -> None:
    namespace = {**MESHED, "metadata": {"name": "shop", "annotations": {"linkerd.io/inject": "enabled"}}}
    group = "policy.linkerd.io/v1alpha1"
    selector = {"podSelector": {"matchLabels": {"app": "a"}}, "port": "http"}
    policy = {
        "targetRef": {"kind": "Server", "name": "a"},
        "requiredAuthenticationRefs": [{"kind": "MeshTLSAuthentication", "name": "callers"}],
    }
    called = a_workload("a")
    ports = [{"name": "http", "containerPort": 8080}]
    called["spec"]["template"]["spec"]["containers"] = [{"name": "a", "image": "a", "ports": ports}]

    def version(*callers: str) -> list[Manifest]:
        names = [f"{one}.shop.serviceaccount.identity.linkerd.cluster.local" for one in callers]
        return [
            namespace,
            called,
            *map(a_workload, "bc"),
            an_object("Server", "a", selector, group),
            an_object("AuthorizationPolicy", "a", policy, group),
            an_object("MeshTLSAuthentication", "callers", {"identities": names}, group),
        ]

    assert risks(version("b"), version("b", "c")) == [
        (Kind.OPENS.value, "shop/c -> shop/a", "refused", "allowed, port 8080")
    ]
    network = a_network_policy("a", "b")
    assert risks([*version("b"), network], [*version("b", "c"), network]) == [
        (
            Kind.GUARD.value,
            "shop/c -> shop/a",
            "refused by the mesh's policies",
            "let through by the mesh's policies",
        )
    ], "an identity more changes the mesh's guard, though no policy changes"


def test_b4_a_route_of_linkerd_limits_requests_beside_a_network_policy() -> None:
    namespace = {**MESHED, "metadata": {"name": "shop", "annotations": {"linkerd.io/inject": "enabled"}}}
    group = "policy.linkerd.io/v1beta3"
    called = a_workload("a")
    ports = [{"name": "http", "containerPort": 8080}]
    called["spec"]["template"]["spec"]["containers"] = [{"name": "a", "image": "a", "ports": ports}]
    match = {"method": "POST", "path": {"type": "Exact", "value": "/orders"}}
    server = {"group": "policy.linkerd.io", "kind": "Server", "name": "a"}
    policy = {
        "targetRef": {"group": "policy.linkerd.io", "kind": "HTTPRoute", "name": "a"},
        "requiredAuthenticationRefs": [{"kind": "MeshTLSAuthentication", "name": "callers"}],
    }
    identities = {"identities": ["b.shop.serviceaccount.identity.linkerd.cluster.local"]}
    objects = [
        namespace,
        called,
        a_workload("b"),
        an_object("Server", "a", {"podSelector": {"matchLabels": {"app": "a"}}, "port": "http"}, group),
        an_object("HTTPRoute", "a", {"parentRefs": [server], "rules": [{"matches": [match]}]}, group),
        an_object("AuthorizationPolicy", "a", policy, "policy.linkerd.io/v1alpha1"),
        an_object("MeshTLSAuthentication", "callers", identities, "policy.linkerd.io/v1alpha1"),
        a_network_policy("a", "b"),
    ]
    found = {one for one in Version(tuple(objects)).calls if one.callee == "shop/a"}
    assert found == {Call("shop/a", "shop/b", "POST /orders port 8080")}


def an_allow_of(*requests: tuple[str, str]) -> Manifest:
    """A policy that lets b send these requests to a; any to its port when empty."""
    operations = [{"methods": [method], "paths": [path], "ports": ["8080"]} for method, path in requests]
    source = {"source": {"principals": ["cluster.local/ns/shop/sa/b"]}}
    rule = {"from": [source], "to": [{"operation": one} for one in operations or [{"ports": ["8080"]}]]}
    return a_policy("a", {"selector": {"matchLabels": {"app": "a"}}, "rules": [rule]})


def test_b4_routes_of_a_caller_that_come_and_go() -> None:
    place, objects = "shop/b -> shop/a", [MESHED, a_workload("a"), a_workload("b")]
    one, two = [*objects, an_allow_of(("GET", "/x"))], [*objects, an_allow_of(("GET", "/x"), ("POST", "/x"))]
    every, less, more = (
        [*objects, an_allow_of()],
        "allowed, GET /x port 8080",
        "allowed, GET /x port 8080; POST /x port 8080",
    )
    assert risks(one, two) == [(Kind.OPENS.value, place, less, more)]
    assert risks(two, one) == [(Kind.BREAKS.value, place, more, less)]
    assert risks(two, every) == [(Kind.OPENS.value, place, more, "allowed, port 8080")], "nothing is refused"
    assert risks(every, two) == [(Kind.BREAKS.value, place, "allowed, port 8080", more)], "nothing is newly allowed"


def test_b4_a_deny_policy_that_comes_may_break_calls() -> None:
    policy = a_policy("no-debug", {"action": "DENY", "rules": [{"to": [{"operation": {"paths": ["/debug*"]}}]}]})
    assert risks([], [policy]) == [(Kind.BREAKS.value, "shop/no-debug DENY", "does not exist", "in force")]


def test_b4_a_deny_policy_that_goes_opens_access() -> None:
    policy = a_policy("no-debug", {"action": "DENY", "rules": [{"to": [{"operation": {"paths": ["/debug*"]}}]}]})
    assert risks([policy], []) == [(Kind.OPENS.value, "shop/no-debug DENY", "in force", "deleted")]


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("STRICT", "PERMISSIVE", [(Kind.MTLS.value, "shop", "STRICT", "PERMISSIVE")]),
        ("PERMISSIVE", "DISABLE", [(Kind.MTLS.value, "shop", "PERMISSIVE", "DISABLE")]),
        ("PERMISSIVE", "STRICT", []),
    ],
)
def test_b4_weaker_mtls(before: str, after: str, said: list[tuple[str, ...]]) -> None:
    old, new = (an_object("PeerAuthentication", "default", {"mtls": {"mode": mode}}) for mode in (before, after))
    assert risks([old], [new]) == said


def test_b4_plaintext_by_a_destination_rule_or_a_port() -> None:
    rule = an_object("DestinationRule", "a", {"host": "a", "trafficPolicy": {"tls": {"mode": "DISABLE"}}})
    assert risks([], [rule]) == [(Kind.MTLS.value, "calls to a", "UNSET", "DISABLE")]
    port = an_object(
        "PeerAuthentication", "p", {"mtls": {"mode": "STRICT"}, "portLevelMtls": {80: {"mode": "DISABLE"}}}
    )
    assert (Kind.MTLS.value, "shop port 80", "UNSET", "DISABLE") in risks([], [port])


def test_b4_a_fault_in_production() -> None:
    fault = {"delay": {"fixedDelay": "5s", "percentage": {"value": 10}}, "abort": {"httpStatus": 503}}
    before, after = [a_route("a")], [a_route("a", fault=fault)]
    said = (Kind.FAULT.value, "shop/a", "no fault", "delay 5s for 10 %, abort 503 for 100 %, without an end")
    assert risks(before, after) == [said]
    assert risks(before, after, "development") == []
    assert risks(after, after) == []


def test_b4_a_fault_that_is_promoted_with_its_stack() -> None:
    faulty = (a_route("a", fault={"abort": {"httpStatus": 503}}),)
    before, after = (Side(name, Version(faulty, name), {}) for name in ("staging", "production"))
    (found,) = Report("prod", before, after, "otel-mesh review").risks
    assert (found.kind, found.before, found.after) == (Kind.FAULT, "no fault", "abort 503 for 100 %, without an end")


def test_b4_retries_at_two_hops_multiply() -> None:
    edge = a_route("edge", retries={"attempts": 2})
    services = [an_object("Service", name, {"selector": {"app": name}}, "v1") for name in ("edge", "a")]
    apart = [MESHED, a_workload("edge"), a_workload("a"), *services, an_allow("edge"), an_allow("a")]
    calling = [*apart, an_allow("a", "edge")]
    tried = a_route("a", retries={"attempts": 3})
    (one,) = a_report([*calling, edge, a_route("a")], [*calling, edge, tried]).risks
    assert (one.kind, one.subject) == (Kind.RETRIES, "shop/a")
    assert (one.before, one.after) == ("up to 3 requests for one", "up to 12 requests for one")
    assert one.reason == "when it fails, every hop tries again: 3 at edge.shop, then 4 at a.shop"
    assert risks([*calling, a_route("a")], [*calling, tried]) == []
    assert risks([*apart, edge, a_route("a")], [*apart, edge, tried]) == [], "they are not in one chain of calls"
    at_gateway = {**edge, "spec": {**edge["spec"], "gateways": ["ingress"]}}
    behind = {**tried, "spec": {**tried["spec"], "gateways": ["ingress"]}}
    found = a_report([*calling, at_gateway], [*calling, at_gateway, behind]).risks
    assert Kind.RETRIES not in {one.kind for one in found}, "a gateway's routes begin a chain"


def test_b4_a_canary_step_moves_traffic() -> None:
    def canary(weight: int) -> Manifest:
        versions = ((100 - weight, "v1"), (weight, "v2"))
        route = [{"destination": {"host": "a", "subset": name}, "weight": share} for share, name in versions]
        return a_route("a", route=route)

    assert risks([canary(5)], [canary(25)]) == [
        (Kind.TRAFFIC.value, "shop/a", "95 % version v1, 5 % version v2", "75 % version v1, 25 % version v2")
    ]


def test_b4_a_pipeline_that_loses_its_exporter() -> None:
    def collector(exporters: str) -> Manifest:
        config = f"receivers: {{}}\nservice:\n  pipelines:\n    logs: {{exporters: [{exporters}]}}\n"
        return an_object("ConfigMap", "otel", None, "v1", data={"config.yaml": config})

    assert risks([collector("otlp_http/logs, debug")], [collector("debug")]) == [
        (Kind.TELEMETRY.value, "pipeline logs of shop/otel", "otlp_http/logs, debug", "debug")
    ]


@pytest.mark.parametrize(
    ("kind", "group", "before", "after", "action"),
    [
        ("Deployment", "apps/v1", {"selector": {"a": 1}}, {"selector": {"a": 2}}, Action.REPLACE),
        ("Deployment", "apps/v1", {"replicas": 1}, {"replicas": 2}, Action.UPDATE),
        ("StatefulSet", "apps/v1", {"volumeClaimTemplates": [1]}, {"volumeClaimTemplates": [2]}, Action.REPLACE),
        ("PersistentVolumeClaim", "v1", {"resources": 1}, {"resources": 2}, Action.UPDATE),
        ("Service", "v1", {"clusterIP": "None"}, {}, Action.REPLACE),
    ],
)
def test_b4_what_an_update_does_with_an_object(
    kind: str, group: str, before: Manifest, after: Manifest, action: Action
) -> None:
    old, new = an_object(kind, "x", before, group), an_object(kind, "x", after, group)
    (change,) = compare([old], [new])
    assert (change.action, str(change.key)) == (action, f"{kind} shop/x")
    assert [one.action for one in compare([old], [])] == [Action.DELETE]
    assert compare([old], [old]) == ()


def test_b4_a_long_report_is_whole_and_cut_at_objects_for_a_comment_alone() -> None:
    large = [an_object("ConfigMap", f"c{number}", None, "v1", data={"x": "y" * 5000}) for number in range(30)]
    text = comment(a_report([], large))
    assert text.count("y" * 5000) == len(large)
    short = fitted(text, GitHub.longest, "the artifact has it")
    assert len(short) <= GitHub.longest
    assert short.count("<details>") == short.count("</details>")
    assert "parts of the report do not fit into a comment**: the artifact has it." in short
    assert short.endswith(text.rpartition("\n---\n")[2])
    assert "Nothing" not in short


def test_b4_values_of_secrets_are_not_shown() -> None:
    old = an_object("Secret", "s", None, "v1", data={"password": "canary-1"}, stringData={"key": "canary-2"})
    new = an_object(
        "Secret", "s", None, "v1", data={"password": "canary-3", "other": "canary-4"}, stringData="canary-5"
    )
    text = comment(a_report([old], [new]))
    assert "canary" not in text
    assert "other: (not shown)" in text


def test_b4_findings_of_the_checks_are_told_apart_by_who_brings_them() -> None:
    """A rule that is inserted moves those behind it: their findings stay the base's."""
    hosts = [
        {"match": [{"uri": {"exact": f"/{host}"}}], "route": [{"destination": {"host": host}}]}
        for host in ("gone", "lost")
    ]
    old, new = (an_object("VirtualService", "a", {"hosts": ["a"], "http": http}) for http in (hosts[1:], hosts))
    service = an_object("Service", "a", {"selector": {"app": "a"}}, "v1")
    report = a_report([MESHED, a_workload("a"), service, old], [MESHED, a_workload("a"), service, new])
    assert [(one.code.id, one.path) for one in report.findings.introduced] == [
        ("OM101", "spec.http[0].route[0].destination.host")
    ]
    assert report.findings.kept > 0
    assert "the checks find 1 new error" in report.verdict
    assert "| error | OM101 | `VirtualService shop/a` |" in comment(report)
    assert [report.fails(on) for on in ("none", "severe", "any")] == [False, True, True]
    (result,) = [one for one in sarif(report)["runs"][0]["results"] if one["ruleId"] == "OM101"]
    assert result["level"] == "error"
    back = a_report([MESHED, a_workload("a"), service, new], [MESHED, a_workload("a"), service, old])
    assert (back.findings.introduced, back.findings.resolved) == ((), 1)


def test_b4_observed_callers_that_would_be_refused() -> None:
    """What the base refuses too is told apart."""
    objects = [MESHED, *map(a_workload, "abc")]
    before, after = ([*objects, an_allow("a", *callers), an_allow("b", "a")] for callers in (("b",), ()))
    known = Catalog(name="x", services=tuple(Service(name=name, port=8080) for name in "abc"))
    calls = [(("b", "a"), 7.0), (("c", "a"), 3.0), (("d", "a"), 1.0), (("c", "b"), 0.0)]
    index = Version(tuple(after)).index
    replayed = replay.judged(index, known, calls, {}, options.window("1h", end_us=7_200_000_000))
    plain = a_report(before, after)
    report = replace(plain, traffic=traffic.judged(plain.before.version.index, replayed))
    assert [(one.caller, one.callee) for one in report.refused] == [("b", "a")]
    assert report.verdict.startswith("b, which called a 7 times, would be refused; ")
    text = comment(report)
    assert "| the change | `b` | `a` | 7 | unknown | AuthorizationPolicy shop/a-callers does not allow shop/b |" in text
    assert "| the base too | `c` | `a` | 3 |" in text
    assert "Not judged, since not both are among the objects: d -> a." in text
    assert "none of these calls was answered: c -> b." in text
    assert "--against-traffic 7d" not in text
    assert report.fails("severe")
    assert "`--against-traffic 7d` judges those of a week" in comment(plain)
