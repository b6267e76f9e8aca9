"""S2.2: a gateway of the Gateway API in front of a mesh without one of its own, to the letter and by rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from otel_mesh import (
    GatewayController,
    IngressGatewaySettings,
    InvalidSettingsError,
    MeshBinding,
    TeamRoute,
    TokenSettings,
)
from otel_mesh.core.errors import parse
from otel_mesh.mesh.control.gateway_route import GatewayRouteArgs
from otel_mesh.mesh.control.renderers import renderer
from otel_mesh.mesh.gateway_api.settings import removed_headers
from otel_mesh.mesh.policies.edge_headers import CONTEXT_HEADERS, STRIPPED_HEADERS
from otel_mesh.mesh.policies.network import gateway_pods
from otel_mesh.mesh.policies.team_routes import ServedRoute
from tests.components import golden_files
from tests.components.mesh.gateway_api_scenarios import ENVOY, OTHER, SCENARIOS, SECURE, TEAMS, bound, gateway
from tests.components.mesh.linkerd.scenarios import BINDING

if TYPE_CHECKING:
    from otel_mesh.k8s.manifests import Manifest

GOLDEN = golden_files.GOLDEN / "gateway-api"


def of(manifests: list[Manifest], kind: str) -> dict[str, Any]:
    return {one["metadata"]["name"]: one["spec"] for one in manifests if one["kind"] == kind}


@pytest.mark.parametrize("name", SCENARIOS)
def test_objects_are_as_reviewed(name: str) -> None:
    golden_files.compare(GOLDEN / f"{name}.yaml", SCENARIOS[name]())


def test_every_golden_file_has_its_scenario() -> None:
    assert {path.stem for path in GOLDEN.glob("*.yaml")} == set(SCENARIOS)


@pytest.mark.parametrize("context", ["restart", "continue"])
def test_envoy_removes_the_headers_that_an_istio_s_gateway_removes(context: str) -> None:
    settings = parse(IngressGatewaySettings, {"outside_context": context})
    (spec,) = of(gateway(ENVOY, settings), "ClientTrafficPolicy").values()
    early = spec["headers"]["earlyRequestHeaders"]
    families = tuple(one["value"] for one in early["removeOnMatch"])

    def removed(name: str) -> bool:
        return name in early["remove"] or name.startswith(families)

    assert all(removed(name) for name in STRIPPED_HEADERS)
    assert {removed(name) for name in CONTEXT_HEADERS} == {context == "restart"}
    assert not removed("authorization")
    assert not removed("x-request-id")


@pytest.mark.parametrize("context", ["restart", "continue"])
def test_routes_of_another_controller_remove_as_many_headers_as_a_route_can(context: str) -> None:
    settings = parse(IngressGatewaySettings, {"outside_context": context})
    made = gateway(OTHER, settings)
    (route,) = of(made, "HTTPRoute").values()
    (rule,) = route["rules"]
    (modifier,) = rule["filters"]
    removed = modifier["requestHeaderModifier"]["remove"]
    assert len(removed) <= 16, "the limit of the Gateway API"
    assert set(removed) <= {*STRIPPED_HEADERS, *CONTEXT_HEADERS}
    assert {"x-forwarded-client-cert", "l5d-client-id", "x-trace-version", "x-fault-injected"} <= set(removed)
    assert ("traceparent" in removed) is (context == "restart")
    assert not [one for one in made if "envoyproxy" in one["apiVersion"]]
    headers, *others = OTHER.notes(settings)
    assert ", ".join(removed_headers(settings)) in headers
    assert [("traces" in one, "retries" in one) for one in others] == [(True, False), (False, True)]
    assert ENVOY.notes(settings) == ()


def test_only_safe_requests_are_retried() -> None:
    made = gateway(ENVOY, IngressGatewaySettings())
    (route,), (policy,) = of(made, "HTTPRoute").values(), of(made, "BackendTrafficPolicy").values()
    *safe, rest = route["rules"]
    conditions = [sorted(match.keys() - {"path"}) for rule in safe for match in rule["matches"]]
    assert conditions == [["method"], ["method"], ["headers"]]
    assert [target["sectionName"] for target in policy["targetRefs"]] == [rule["name"] for rule in safe]
    assert "name" not in rest
    assert {rule["timeouts"]["request"] for rule in route["rules"]} == {"10s"}
    assert policy["retry"]["numRetries"] == 2
    none = gateway(ENVOY, IngressGatewaySettings(retries=0))
    assert not of(none, "BackendTrafficPolicy")
    assert [len(one["rules"]) for one in of(none, "HTTPRoute").values()] == [1]


def test_the_proxies_are_in_the_mesh_and_clients_bypass_the_mesh_s_own() -> None:
    (proxy,) = of(gateway(ENVOY, SECURE), "EnvoyProxy").values()
    pods = proxy["provider"]["kubernetes"]["envoyDeployment"]["pod"]
    assert pods["annotations"]["linkerd.io/inject"] == "enabled"
    assert pods["annotations"]["config.linkerd.io/skip-inbound-ports"] == "9000,10080,10443,19002"
    assert proxy["routingType"] == "Service"
    binding = bound(ENVOY, SECURE)
    assert binding.gateway is not None
    selected = gateway_pods(binding.gateway)
    assert selected.namespace == "ingress"
    assert selected.labels.items() <= pods["labels"].items()
    assert binding.gateway.service_account == proxy["provider"]["kubernetes"]["envoyServiceAccount"]["name"]
    assert MeshBinding.model_validate(binding.model_dump(mode="json")) == binding


def test_envoy_makes_spans_only_if_the_mesh_s_proxies_do() -> None:
    assert bound(ENVOY, SECURE).proxy_spans == "envoy+linkerd"
    assert bound(OTHER, SECURE).proxy_spans == "linkerd"
    silent = bound(ENVOY, SECURE).model_copy(update={"proxy_spans": ""})
    (proxy,) = of(gateway(ENVOY, SECURE), "EnvoyProxy").values()
    assert proxy["telemetry"]["tracing"]["samplingFraction"] == {"numerator": 100_000, "denominator": 100_000}
    (untraced,) = of(gateway(ENVOY, SECURE, mesh=silent), "EnvoyProxy").values()
    assert "telemetry" not in untraced


def test_plain_http_is_redirected_for_every_host_and_serves_nothing_else() -> None:
    made = gateway(ENVOY, SECURE, team_routes=TEAMS)
    (spec,) = of(made, "Gateway").values()
    plain = {one["name"]: one["allowedRoutes"]["namespaces"] for one in spec["listeners"] if one["protocol"] == "HTTP"}
    assert list(plain.values()) == [{"from": "Same"}, {"from": "Same"}]
    redirect = of(made, "HTTPRoute")["ingress-https"]
    assert [one["sectionName"] for one in redirect["parentRefs"]] == list(plain)


def test_only_namespaces_with_a_grant_attach_routes() -> None:
    (spec,) = of(gateway(ENVOY, IngressGatewaySettings(), team_routes=TEAMS), "Gateway").values()
    (listener,) = spec["listeners"]
    (condition,) = listener["allowedRoutes"]["namespaces"]["selector"]["matchExpressions"]
    assert condition["values"] == ["shop", "mobile", "reviews"]
    assert [one["kind"] for one in listener["allowedRoutes"]["kinds"]] == ["HTTPRoute"]
    assert not of(gateway(ENVOY, IngressGatewaySettings()), "ValidatingAdmissionPolicy")


def test_two_routes_at_one_place_are_refused() -> None:
    clash = (TeamRoute(namespace="mobile", service="mobile-api", path_prefix="/"),)
    with pytest.raises(InvalidSettingsError, match="'/' is the route of service 'api-gateway'"):
        gateway(ENVOY, IngressGatewaySettings(), team_routes=clash)


@pytest.mark.parametrize(("controller", "reason"), [(ENVOY, "forwards clients' tokens"), (OTHER, "has no tokens")])
def test_tokens_are_refused(controller: GatewayController, reason: str) -> None:
    tokens = TokenSettings(issuer="a", audiences=("shop",), jwks_uri="https://issuer.example/keys")
    with pytest.raises(InvalidSettingsError, match=f"tokens: .*{reason}"):
        gateway(controller, IngressGatewaySettings(tokens=tokens))


def test_a_team_s_route_is_attached_to_the_platform_s_gateway() -> None:
    route = ServedRoute(service="reviews", port=8080, strip_prefix=False, retries=0, host="reviews.example.com")
    (made,) = renderer("linkerd").gateway_route(route, bound(ENVOY, SECURE), "reviews")
    assert made["metadata"]["namespace"] == "reviews"
    (parent,) = made["spec"]["parentRefs"]
    assert (parent["namespace"], parent["name"]) == ("ingress", "ingress")
    assert made["spec"]["hostnames"] == ["reviews.example.com"]
    shared = ServedRoute(service="m", port=8080, strip_prefix=False, retries=0, path_prefix="/m")
    (made,) = renderer("linkerd").gateway_route(shared, bound(ENVOY, SECURE), "mobile")
    assert made["spec"]["hostnames"] == list(SECURE.hosts)
    assert made["spec"]["rules"][0]["matches"] == [{"path": {"type": "PathPrefix", "value": "/m"}}]


def test_without_a_gateway_a_team_s_route_is_refused() -> None:
    args = GatewayRouteArgs(namespace="reviews", service="reviews", port=8080, mesh=BINDING)
    route = ServedRoute(service=args.service, port=args.port, strip_prefix=False, retries=2)
    with pytest.raises(InvalidSettingsError, match="has no gateway that could serve 'reviews'; .* mesh.gateway_api"):
        renderer(args.mesh).gateway_route(route, args.mesh, args.namespace)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"controller": "other"}, ["gateway_class: is required", "data_plane: is required"]),
        ({"namespace": "envoy-gateway-system"}, ["namespace: 'envoy-gateway-system' is Envoy Gateway's own"]),
        ({"data_plane": OTHER.data_plane}, ["data_plane: is not for envoy-gateway"]),
        (
            {**OTHER.model_dump(exclude={"controller_namespace"}), "namespace": "projectcontour"},
            ["namespace: 'projectcontour' is also the namespace of the controller's pods"],
        ),
        (OTHER.model_dump(), ["controller_namespace: has no effect with controller: other"]),
    ],
)
def test_a_controller_that_does_not_fit_is_refused(values: dict[str, Any], told: list[str]) -> None:
    with pytest.raises(InvalidSettingsError) as caught:
        parse(GatewayController, values)
    assert [str(one).startswith(begin) for one, begin in zip(caught.value.problems, told, strict=True)] == [True] * len(
        told
    )
