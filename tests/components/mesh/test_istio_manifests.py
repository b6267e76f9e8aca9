"""S1.2: Istio's objects and the values of its charts, to the letter and by rule."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from otel_mesh import InvalidSettingsError
from otel_mesh.core.errors import parse
from otel_mesh.mesh.installing.chart_check import unknown_values
from otel_mesh.mesh.istio.binding import istio_binding
from otel_mesh.mesh.istio.charts import base_values, cni_values, istiod_values, mesh_config
from otel_mesh.mesh.istio.edge import strip_untrusted_headers
from otel_mesh.mesh.istio.settings import IstioSettings
from otel_mesh.mesh.istio.tokens import token_manifests
from otel_mesh.mesh.policies.edge_headers import CONTEXT_HEADERS, STRIPPED_HEADERS
from otel_mesh.mesh.tracing import Tracing
from tests.components import golden_files
from tests.components.mesh.istio_scenarios import CHANGED, DEFAULTS, SCENARIOS, SCHEDULED, TAGGED, TOKENS, TRACING

if TYPE_CHECKING:
    from pathlib import Path

    from otel_mesh.k8s.manifests import Manifest
    from tests.built import Built


GOLDEN = golden_files.GOLDEN / "istio"


@pytest.mark.parametrize("name", SCENARIOS)
def test_objects_are_as_reviewed(name: str) -> None:
    golden_files.compare(GOLDEN / f"{name}.yaml", SCENARIOS[name]())


def test_every_golden_file_has_its_scenario() -> None:
    assert {path.stem for path in GOLDEN.glob("*.yaml")} == set(SCENARIOS)


def _chart(charts: Path, name: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((charts / name / "values.yaml").read_text())
    return content


@pytest.mark.parametrize("settings", [DEFAULTS, CHANGED, SCHEDULED], ids=["defaults", "changed", "scheduled"])
def test_every_value_exists_in_the_charts(settings: IstioSettings, built: Built) -> None:
    assert unknown_values(base_values(settings), _chart(built.charts(), "base")) == []
    assert unknown_values(cni_values(settings), _chart(built.charts(), "cni")) == []
    assert unknown_values(istiod_values(settings, TAGGED, "production"), _chart(built.charts(), "istiod")) == []


def test_a_value_unknown_to_a_chart_is_named(built: Built) -> None:
    wrong = {"replicas": 1, "global": {"proxy": {"imge": "x"}}, "meshConfig": {"anything": 1}, "env": {"FREE": "1"}}
    assert unknown_values(wrong, _chart(built.charts(), "istiod")) == ["global.proxy.imge", "replicas"]


def test_the_sampling_percentage_is_explicit_for_mesh_and_gateway() -> None:
    telemetry = [one for make in SCENARIOS.values() for one in make() if one.get("kind") == "Telemetry"]
    percentages: dict[str, set[float]] = {}
    for one in telemetry:
        (tracing,) = one["spec"]["tracing"]
        if not tracing.get("disableSpanReporting"):
            percentages.setdefault(one["metadata"]["name"], set()).add(tracing["randomSamplingPercentage"])
    assert percentages == {"mesh-default": {100.0}, "ingress": {100.0, 12.5}}
    assert istiod_values(DEFAULTS, TRACING, "production")["traceSampling"] == 0


def test_the_tracing_provider_is_a_fully_qualified_dns_name() -> None:
    (provider,) = mesh_config(DEFAULTS, TRACING, "production")["extensionProviders"]
    service = provider["opentelemetry"]["service"]
    assert service == "otel-collector.observability.svc.cluster.local"
    named = [one["spec"]["tracing"][0] for one in _policies("Telemetry")]
    assert {one["providers"][0]["name"] for one in named if "providers" in one} == {provider["name"]}


def test_calls_to_the_collector_are_not_traced() -> None:
    (exports,) = (one for one in _policies("EnvoyFilter") if "workloadSelector" not in one["spec"])
    hosts = [one["match"]["routeConfiguration"]["vhost"]["name"] for one in exports["spec"]["configPatches"]]
    assert hosts == [f"{TAGGED.service}:4317", f"{TAGGED.service}:4318"]
    assert exports["metadata"]["namespace"] == DEFAULTS.namespace  # the root namespace: for every sidecar


def _policies(kind: str) -> list[Manifest]:
    return [one for one in SCENARIOS["policies"]() if one["kind"] == kind]


def test_an_access_log_line_is_json_with_the_trace_and_without_a_query() -> None:
    line = json.loads(mesh_config(DEFAULTS, TRACING, "production")["accessLogFormat"])
    assert line["trace_id"] == "%TRACE_ID%"
    assert "REQ_WITHOUT_QUERY" in line["path"]
    assert "accessLogFile" not in mesh_config(CHANGED, TRACING, "production")


def test_only_the_cni_namespace_is_privileged() -> None:
    levels = {
        one["metadata"]["name"]: one["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]
        for one in SCENARIOS["namespaces"]()
    }
    assert levels == {"istio-system": "restricted", "istio-cni": "privileged"}


def test_istiod_and_istio_cni_need_different_namespaces() -> None:
    with pytest.raises(InvalidSettingsError, match="cni.namespace"):
        parse(IstioSettings, {"namespace": "mesh", "cni": {"namespace": "mesh"}})


def test_only_safe_requests_are_retried() -> None:
    (routes,) = (one for one in SCENARIOS["gateway"]() if one["kind"] == "VirtualService")
    repeated, once = routes["spec"]["http"]
    assert [sorted(set(match) - {"uri"}) for match in repeated["match"]] == [["method"], ["headers"]]
    assert repeated["retries"]["attempts"] == 2
    assert repeated["timeout"] == once["timeout"] == "10s"
    assert once["retries"] == {"attempts": 0}


@pytest.mark.parametrize("settings", [DEFAULTS, CHANGED], ids=["defaults", "changed"])
def test_s1_12_the_mesh_retries_only_requests_that_reached_no_application(settings: IstioSettings) -> None:
    policy = mesh_config(settings, TRACING, "production")["defaultHttpRetryPolicy"]
    assert set(policy["retryOn"].split(",")) <= {"connect-failure", "refused-stream"}
    assert policy["attempts"] > 0  # with 0 Istio repeats nothing at all, a connection that was refused neither


def test_requests_without_a_token_reach_open_paths_only() -> None:
    """What is not known to be open needs one, however it is spelled."""
    authentication, refusal = SCENARIOS["gateway-tokens"]()
    assert authentication["spec"]["selector"] == refusal["spec"]["selector"]
    (rule,) = authentication["spec"]["jwtRules"]
    assert "forwardOriginalToken" not in rule
    assert refusal["spec"]["action"] == "DENY"
    assert refusal["spec"]["rules"] == [
        {
            "from": [{"source": {"notRequestPrincipals": ["*"]}}],
            "to": [{"operation": {"notPaths": ["/api/orders", "/readyz"]}}],
        }
    ]
    (everything,) = token_manifests(TOKENS, "a", "b", {}, ())[1]["spec"]["rules"]
    assert set(everything) == {"from"}
    assert not [one for one in SCENARIOS["gateway"]() if one["kind"].endswith(("Authentication", "Policy"))]


def test_untrusted_headers_are_removed_once_before_the_gateway_reads_them() -> None:
    (hygiene,) = (one for one in SCENARIOS["gateway"]() if one["kind"] == "EnvoyFilter")
    (patch,) = hygiene["spec"]["configPatches"]
    (extension,) = patch["patch"]["value"]["typed_config"]["early_header_mutation_extensions"]
    removed = [one["remove"] for one in extension["typed_config"]["mutations"]]
    assert removed == [*STRIPPED_HEADERS, *CONTEXT_HEADERS]
    assert len(set(removed)) == len(removed)
    assert {"x-forwarded-client-cert", "l5d-client-id", "x-trace-version", "x-fault-injected"} <= set(removed)


def test_a_gateway_that_continues_traces_keeps_the_trace_headers() -> None:
    filtering = str(strip_untrusted_headers("ingress", "istio-ingress", {"app": "ingress"}, restart=False))
    assert "x-trace-version" in filtering
    assert not [header for header in CONTEXT_HEADERS if f"'{header}'" in filtering]


def test_namespaces_are_labelled_with_the_revision() -> None:
    assert istio_binding(DEFAULTS).namespace_labels == {"istio.io/rev": "default"}
    binding = istio_binding(CHANGED)
    assert binding.namespace_labels == {"istio.io/rev": "canary"}
    assert binding.identity("shop", "user-service") == "spiffe://mesh.example/ns/shop/sa/user-service"
    assert type(binding).model_validate(binding.model_dump(mode="json")) == binding


def test_a_sampling_percentage_is_between_0_and_100() -> None:
    with pytest.raises(InvalidSettingsError, match="ingress_percentage"):
        parse(Tracing, {"service": "collector.ns.svc.cluster.local", "ingress_percentage": 101})
