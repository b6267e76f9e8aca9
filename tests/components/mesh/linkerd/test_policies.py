"""B2, S1.3, S1.4, B3: policies as Linkerd's objects, beside those of Istio, and what Linkerd cannot do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import assume, given

from otel_mesh import (
    InvalidSettingsError,
    LinkerdSettings,
    MeshHost,
    Operation,
    ServiceTrafficArgs,
    TelemetrySendersArgs,
    TrafficPolicy,
    declared_egress,
    traffic_problems,
)
from otel_mesh.core.errors import parse
from otel_mesh.mesh.control.service_traffic import service_traffic_manifests
from otel_mesh.mesh.control.telemetry_access import telemetry_senders_manifests
from otel_mesh.mesh.linkerd.access import access_policies
from otel_mesh.mesh.linkerd.binding import linkerd_binding
from otel_mesh.mesh.linkerd.egress import egress_manifests
from otel_mesh.mesh.linkerd.renderer import LinkerdRenderer
from otel_mesh.mesh.policies.access import Access, Caller, Grant, declared_access
from otel_mesh.mesh.policies.matching import MARKERS
from tests.components import golden_files
from tests.components.mesh.linkerd.scenarios import BINDING, NEAREST, TRAFFIC
from tests.components.mesh.test_access import CATALOG, GATEWAY
from tests.components.mesh.test_egress import catalog
from tests.components.mesh.traffic_policies import GRPC, TARGET, TUTORIAL, policies

if TYPE_CHECKING:
    from otel_mesh import Target
    from otel_mesh.k8s.manifests import Manifest

GOLDEN = golden_files.GOLDEN / "policies"
EGRESS = declared_egress(
    catalog(
        [
            {"host": "pay.example.com", "addresses": ["203.0.113.0/28"]},
            {"host": "api.example.com", "port": 80, "protocol": "http"},
            {"host": "rpc.example.com", "port": 81, "protocol": "grpc"},
            {"host": "db.example.com", "port": 5432, "protocol": "tcp", "addresses": ["192.0.2.7/32"]},
        ]
    ),
    "shop",
    [MeshHost(service="otel-collector", namespace="observability")],
)
ME = "web.shop.serviceaccount.identity.linkerd.mesh.example"


def rendered(policy: TrafficPolicy, target: Target = TARGET) -> list[Manifest]:
    return service_traffic_manifests(ServiceTrafficArgs(target=target, mesh=BINDING), policy)


def routes(manifests: list[Manifest]) -> list[Manifest]:
    return [one for one in manifests if one["kind"] in {"HTTPRoute", "GRPCRoute"}]


def of(manifests: list[Manifest], kind: str) -> dict[str, Any]:
    return {one["metadata"]["name"]: one["spec"] for one in manifests if one["kind"] == kind}


@pytest.mark.parametrize("name", TRAFFIC)
def test_b2_the_objects_are_as_reviewed(name: str) -> None:
    target, values = TRAFFIC[name]
    made = rendered(TrafficPolicy.model_validate(values), target)
    golden_files.compare(GOLDEN / f"traffic-{name}.linkerd.yaml", made)


def test_b3_access_is_as_reviewed() -> None:
    made = access_policies(declared_access(CATALOG, "shop", {"web": [GATEWAY]}), BINDING, "shop")
    golden_files.compare(GOLDEN / "access.linkerd.yaml", made)


def test_egress_is_as_reviewed() -> None:
    golden_files.compare(GOLDEN / "egress.linkerd.yaml", egress_manifests(EGRESS, "shop"))
    (note,) = LinkerdRenderer().egress_notes(EGRESS)
    assert "api.example.com, db.example.com, pay.example.com, rpc.example.com" in note


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        ("pay.example.com", "TLSRoutes as v1alpha2"),
        ({"host": "api.example.com", "port": 80, "protocol": "http", "tls_port": 443}, "add no TLS to plain calls"),
    ],
)
def test_external_calls_that_linkerd_cannot_tell_are_refused(call: Any, reason: str) -> None:  # noqa: ANN401
    with pytest.raises(InvalidSettingsError, match=reason):
        egress_manifests(declared_egress(catalog([call]), "shop"), "shop")


def test_senders_join_the_collector_s_servers() -> None:
    sender = Caller(namespace="shop", service_account="web")
    made = telemetry_senders_manifests("web-telemetry", TelemetrySendersArgs(mesh=BINDING, senders=(sender,)))
    assert of(made, "MeshTLSAuthentication") == {"web-telemetry": {"identities": [ME]}}
    targets = {one["targetRef"]["name"] for one in of(made, "AuthorizationPolicy").values()}
    servers = LinkerdRenderer().telemetry_access(
        "otel-collector", "observability", {}, senders=[ME], ports=(4317, 4318)
    )
    assert targets == set(of(servers, "Server")) - {"proxy-admin"} == {"otel-collector-4317", "otel-collector-4318"}
    assert {one["accessPolicy"] for one in of(servers, "Server").values()} == {"deny"}


def test_only_spans_by_grpc_come_from_senders_without_an_identity_and_only_where_asked_for() -> None:
    def access(**more: Any) -> list[Manifest]:  # noqa: ANN401
        return LinkerdRenderer().telemetry_access(
            "otel-collector", "observability", {}, senders=[ME], ports=(4317, 4318), **more
        )

    kinds = {one["kind"] for one in access()}
    assert "HTTPRoute" not in kinds
    assert set(of(access(), "NetworkAuthentication")) == {"proxy-admin"}
    made = access(networks=["10.0.0.0/8"])
    spans = of(made, "HTTPRoute")["otel-collector-4317-spans"]
    assert spans["parentRefs"] == [{"group": "policy.linkerd.io", "kind": "Server", "name": "otel-collector-4317"}]
    (match,) = spans["rules"][0]["matches"]
    assert match["path"]["value"] == "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
    allowed = of(made, "AuthorizationPolicy")["otel-collector-4317-spans"]
    assert (allowed["targetRef"]["kind"], allowed["targetRef"]["name"]) == ("HTTPRoute", "otel-collector-4317-spans")
    networks = of(made, "NetworkAuthentication")["otel-collector-4317-spans"]
    assert networks == {"networks": [{"cidr": "10.0.0.0/8"}]}
    assert "otel-collector-4317-rest" in of(made, "HTTPRoute"), "metrics and logs would be answered with 404"


@pytest.mark.parametrize(
    ("tracing", "asked", "opened"), [(True, True, True), (True, False, False), (False, True, False)]
)
def test_unidentified_spans_are_a_choice(tracing: bool, asked: bool, opened: bool) -> None:  # noqa: FBT001
    settings = parse(LinkerdSettings, {"proxy": {"tracing": tracing, "unidentified_spans": asked}})
    assert bool(linkerd_binding(settings).span_networks) is opened


def test_ports_of_grpc_have_the_name_that_linkerd_knows() -> None:
    assert linkerd_binding(LinkerdSettings()).app_protocols == {"grpc": "kubernetes.io/h2c"}
    made = rendered(parse(TrafficPolicy, {"canary": {"version": "v2"}}), GRPC)
    protocols = {one["ports"][0]["appProtocol"] for one in of(made, "Service").values()}
    assert protocols == {"kubernetes.io/h2c"}


def test_operations_are_routes_of_the_server_and_probes_stay_open() -> None:
    grants = (
        Grant(callers=(Caller(namespace="shop", service_account="web"),), operations=(Operation(methods=("GET",)),)),
        Grant(callers=(GATEWAY,)),
    )
    made = access_policies([Access(workload="orders", port=8082, grants=grants)], BINDING, "shop")
    assert set(of(made, "HTTPRoute")) == {"orders-callers-0", "orders-rest", "orders-probes"}
    paths = [one["path"]["value"] for one in of(made, "HTTPRoute")["orders-probes"]["rules"][0]["matches"]]
    assert paths == ["/livez", "/readyz"]
    targets = {name: one["targetRef"]["kind"] for name, one in of(made, "AuthorizationPolicy").items()}
    assert targets == {"orders-callers": "Server", "orders-callers-0": "HTTPRoute", "orders-probes": "HTTPRoute"}


@pytest.mark.parametrize(
    ("target", "policy", "places"),
    [
        (TARGET, {"fault": {"delay": {"duration": "5s"}}}, ["fault.delay"]),
        (
            TARGET,
            {"fault": {"delay": {"duration": "5s", "percentage": 10}, "abort": {"status": 503, "percentage": 5}}},
            ["fault.delay.percentage"],
        ),
        (GRPC, {"fault": {"abort": {"status": 503}}}, ["fault"]),
        (TARGET, {"resilience": {"connections": {}}}, ["resilience.connections"]),
        (GRPC, {"resilience": {"retries": {"attempts": 1}}}, ["resilience.retries"]),
        (
            TARGET,
            {"resilience": {"outliers": {"max_ejection_percent": 50}}},
            ["resilience.outliers.max_ejection_percent"],
        ),
        (TARGET, {"resilience": {"outliers": {"interval": "30s"}}}, ["resilience.outliers.interval"]),
        (TARGET, {"rate_limit": {"requests": 1, "interval": "1m"}}, ["rate_limit.requests"]),
        (TARGET, {"rate_limit": {"requests": 10, "burst": 20}}, ["rate_limit.burst"]),
        (
            TARGET,
            TUTORIAL,
            [
                "fault.delay.percentage",
                "resilience.connections",
                "resilience.outliers.max_ejection_percent",
                "resilience.outliers.interval",
            ],
        ),
    ],
)
def test_what_linkerd_cannot_do_is_refused_with_the_nearest_that_it_can(
    target: Target, policy: dict[str, Any], places: list[str]
) -> None:
    found = traffic_problems(TrafficPolicy.model_validate(policy), target, BINDING)
    assert [one.path for one in found] == places
    assert all("Linkerd" in one.reason or "per second" in one.reason for one in found)
    assert all(one.remedy for one in found)
    assert traffic_problems(TrafficPolicy.model_validate(policy), target, "istio") == []
    with pytest.raises(InvalidSettingsError):
        rendered(TrafficPolicy.model_validate(policy), target)


def test_failure_accrual_is_of_the_service() -> None:
    made = LinkerdRenderer().service_annotations(TrafficPolicy.model_validate(NEAREST))
    assert made == {
        "balancer.linkerd.io/failure-accrual": "consecutive",
        "balancer.linkerd.io/failure-accrual-consecutive-max-failures": "5",
        "balancer.linkerd.io/failure-accrual-consecutive-min-penalty": "30000ms",
        "balancer.linkerd.io/failure-accrual-consecutive-max-penalty": "300s",
    }
    assert LinkerdRenderer().service_annotations(TrafficPolicy()) == {}


def test_only_safe_requests_are_repeated() -> None:
    made = {one["metadata"]["name"]: one for one in routes(rendered(TrafficPolicy.model_validate(NEAREST)))}
    retried = {name for name, one in made.items() if "retry.linkerd.io/http" in one["metadata"]["annotations"]}
    assert retried == {"orders-safe"}
    timed = {one["metadata"]["annotations"]["timeout.linkerd.io/request"] for one in made.values()}
    assert timed == {"10000ms"}
    for rule in made["orders-safe"]["spec"]["rules"]:
        for match in rule["matches"]:
            keys = [one["name"] for one in match.get("headers", ())]
            assert match.get("method") in {"GET", "HEAD"} or "idempotency-key" in keys


@given(policies())
def test_b2_any_policy_is_refused_or_has_known_backends_and_clients_set_no_marker(policy: TrafficPolicy) -> None:
    assume(not traffic_problems(policy, TARGET, BINDING))
    made = rendered(policy)
    names = [(one["kind"], one["metadata"]["name"]) for one in made]
    assert len(names) == len(set(names))
    services = {"orders", *of(made, "Service")}
    for route in routes(made):
        for rule in route["spec"]["rules"]:
            assert {one["name"] for one in rule["backendRefs"]} <= services
            assert all(one["weight"] for one in rule["backendRefs"]) or len(rule["backendRefs"]) > 1
            changes = [one["requestHeaderModifier"] for one in rule.get("filters", ())]
            removed = {name for one in changes for name in one.get("remove", ())}
            inner = [one for backend in rule["backendRefs"] for one in backend.get("filters", ())]
            changes += [one["requestHeaderModifier"] for one in inner]
            written = {entry["name"] for one in changes for entry in one.get("set", ())}
            assert removed | written >= set(MARKERS)
            assert not removed & written
