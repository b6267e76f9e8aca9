"""B2, S1.3, S1.4: traffic policies: what is accepted, and the objects of Istio that express them."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given

from otel_mesh import InvalidSettingsError, NoMesh, ServiceTrafficArgs, TrafficPolicy, parse
from otel_mesh.mesh.control.service_traffic import service_traffic_manifests
from otel_mesh.mesh.istio.binding import istio_binding
from otel_mesh.mesh.istio.settings import IstioSettings
from otel_mesh.mesh.policies.matching import MARKERS
from tests.components import golden_files
from tests.components.mesh.traffic_policies import GRPC, TARGET, TUTORIAL, policies

if TYPE_CHECKING:
    from otel_mesh import Target
    from otel_mesh.k8s.manifests import Manifest

BINDING = istio_binding(IstioSettings())
SCENARIOS: dict[str, tuple[Target, dict[str, Any]]] = {
    "tutorial": (TARGET, TUTORIAL),
    "canary-weight": (GRPC, {"canary": {"version": "v2", "weight": 5, "header": None}}),
    "ab-test": (
        TARGET,
        {"ab_test": {"groups": {"control": {"version": "v1", "weight": 50}, "new": {"version": "v2", "weight": 50}}}},
    ),
    "fault-for-testers": (
        TARGET,
        {"fault": {"abort": {"status": 500}, "header": {"name": "x-tester"}, "expires": "2027-01-31"}},
    ),
    "rate-limit": (TARGET, {"rate_limit": {"requests": 100, "interval": "1s", "burst": 200}}),
    "grpc-retries": (GRPC, {"resilience": {"timeout": "2s", "retries": {"attempts": 1, "try_timeout": "1s"}}}),
}


def rendered(policy: TrafficPolicy, target: Target = TARGET) -> list[Manifest]:
    return service_traffic_manifests(ServiceTrafficArgs(target=target, mesh=BINDING), policy)


def rules(policy: TrafficPolicy) -> list[dict[str, Any]]:
    found = [one["spec"]["http"] for one in rendered(policy) if one["kind"] == "VirtualService"]
    assert len(found) <= 1
    return found[0] if found else []


@pytest.mark.parametrize("name", SCENARIOS)
def test_b2_the_objects_are_as_reviewed(name: str) -> None:
    target, values = SCENARIOS[name]
    place = golden_files.GOLDEN / "policies" / f"traffic-{name}.istio.yaml"
    golden_files.compare(place, rendered(TrafficPolicy.model_validate(values), target))


@given(policies())
def test_b2_a_host_has_at_most_one_object_of_a_kind(policy: TrafficPolicy) -> None:
    kinds = [one["kind"] for one in rendered(policy)]
    assert len(kinds) == len(set(kinds))


@given(policies())
def test_b2_weights_sum_up_to_a_hundred_and_name_known_versions(policy: TrafficPolicy) -> None:
    subsets = {
        subset["name"]
        for one in rendered(policy)
        if one["kind"] == "DestinationRule"
        for subset in one["spec"].get("subsets", ())
    }
    for rule in rules(policy):
        weights = [one.get("weight", 100) for one in rule["route"]]
        assert sum(weights) == 100
        assert all(weights)
        assert {one["destination"].get("subset") for one in rule["route"]} <= {None, *subsets}


@given(policies())
def test_s1_3_clients_cannot_set_the_meshs_markers(policy: TrafficPolicy) -> None:
    """Each rule removes a marker or sets it, at one level only: Envoy removes after it has set."""
    for rule in rules(policy):
        own = rule.get("headers", {}).get("request", {})
        for marker in MARKERS:
            sets = [marker in one.get("headers", {}).get("request", {}).get("set", {}) for one in rule["route"]]
            handled = [marker in own.get("remove", ()), marker in own.get("set", {}), all(sets)]
            assert handled.count(True) == 1
            assert any(sets) == all(sets)


@given(policies())
def test_s1_4_the_fault_marker_is_on_faulted_rules_only(policy: TrafficPolicy) -> None:
    for rule in rules(policy):
        marked = "x-fault-injected" in rule.get("headers", {}).get("request", {}).get("set", {})
        assert marked == ("fault" in rule)


@given(policies())
def test_s2_2_unsafe_requests_are_never_repeated_once_seen(policy: TrafficPolicy) -> None:
    for rule in rules(policy):
        is_safe = all("method" in one or "idempotency-key" in one.get("headers", {}) for one in rule.get("match", ()))
        if "retries" in rule and not (rule.get("match") and is_safe):
            assert rule["retries"].get("retryOn", "") in {"", "connect-failure,refused-stream"}


@given(policies())
def test_b2_the_last_rule_takes_every_request(policy: TrafficPolicy) -> None:
    found = rules(policy)
    if found:
        assert "match" not in found[-1]
        assert all("match" in rule for rule in found[:-1])


def test_b13_a_weight_change_is_small() -> None:
    def canary(weight: int) -> list[Manifest]:
        return rendered(TrafficPolicy.model_validate({"canary": {"version": "v2", "weight": weight}}))

    before, after = canary(5), canary(25)
    assert before[1:] == after[1:], "the DestinationRule stays"
    assert before[0]["metadata"] == after[0]["metadata"]


MISTAKES: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown version": (
        {"canary": {"version": "v4"}},
        "canary: 'v4' is not a version of orders; valid are: v1, v2, v3",
    ),
    "the stable version": (
        {"canary": {"version": "v1"}},
        "canary.version: 'v1' is the stable version; name another one",
    ),
    "a weight that is not a stage": (
        {"canary": {"version": "v2", "weight": 7, "stages": [1, 5]}},
        "canary.weight: 7 is not a stage; set it to one of 0, 1, 5",
    ),
    "stages that descend": (
        {"canary": {"version": "v2", "stages": [5, 1]}},
        "canary.stages: do not ascend from above 0; write them like [1, 5, 25, 100]",
    ),
    "groups that are not whole": (
        {"ab_test": {"groups": {"a": {"version": "v1", "weight": 50}, "b": {"version": "v2", "weight": 49}}}},
        "ab_test.groups: their weights sum up to 99; make them sum up to 100",
    ),
    "canary and A/B test": (
        {
            "canary": {"version": "v2"},
            "ab_test": {"groups": {"a": {"version": "v1", "weight": 50}, "b": {"version": "v2", "weight": 50}}},
        },
        "ab_test: the canary decides the version already; set one of canary and ab_test",
    ),
    "a header that clients cannot send": (
        {"canary": {"version": "v2", "header": {"name": "x-trace-version"}}},
        (
            "canary.header.name: x-trace-version is set by the mesh, and the gateway removes it from clients' requests;"
            " choose another header"
        ),
    ),
    "a header of a test that clients cannot send": (
        {
            "ab_test": {
                "header": "x-trace-version",
                "groups": {"a": {"version": "v1", "weight": 50}, "b": {"version": "v2", "weight": 50}},
            }
        },
        (
            "ab_test.header: x-trace-version is set by the mesh, and the gateway removes it from clients' requests;"
            " choose another header"
        ),
    ),
    "no time at all": (
        {"resilience": {"outliers": {"interval": "0s"}}},
        "resilience.outliers.interval: is zero; write one such as 500ms or 10s",
    ),
    "one header for two policies": (
        {"canary": {"version": "v2"}, "fault": {"abort": {"status": 500}, "header": {"name": "x-canary"}}},
        "fault.header: canary.header is the same header; choose another header for one of them",
    ),
    "an empty fault": ({"fault": {}}, "fault: injects nothing; set delay, abort or both"),
    "an endless delay": (
        {"fault": {"delay": {"duration": "2m"}}},
        "fault.delay.duration: 2m is not between 1ms and 60s; write a delay such as 5s",
    ),
    "tries that do not fit": (
        {"resilience": {"timeout": "5s", "retries": {"attempts": 2, "try_timeout": "2s"}}},
        (
            "resilience.retries.try_timeout: 3 tries of 2s do not fit into the timeout of 5s;"
            " shorten it, or raise the timeout"
        ),
    ),
    "a burst below the rate": (
        {"rate_limit": {"requests": 10, "burst": 5}},
        "rate_limit.burst: 5 is less than requests; raise it, or leave it out",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_b2_a_wrong_policy_is_refused(name: str) -> None:
    values, said = MISTAKES[name]
    with pytest.raises(InvalidSettingsError) as refused:
        rendered(parse(TrafficPolicy, values))
    assert [str(problem) for problem in refused.value.problems] == [said]


def test_b2_versions_with_one_name_of_their_pods_are_refused() -> None:
    """They would share a subset: the canary's requests would go to the stable version's pods."""
    target = TARGET.model_copy(update={"version": "1.0", "versions": ("1-0",)})
    (problem,) = target.problems(TrafficPolicy.model_validate({"canary": {"version": "1-0"}}))
    assert str(problem) == "canary: '1-0' and '1.0' differ in case or punctuation only; rename one of the versions"


def test_s2_2_a_canary_by_idempotency_key_gets_requests_with_its_own_key_only() -> None:
    canary = {"version": "v2", "header": {"name": "idempotency-key", "value": "probe"}}
    policy = TrafficPolicy.model_validate({"canary": canary, "resilience": {"retries": {"attempts": 2}}})
    for rule in rules(policy):
        if rule["route"][0]["destination"]["subset"] == "v2":
            assert {one["headers"]["idempotency-key"].get("exact") for one in rule["match"]} == {"probe"}


def test_b2_a_policy_needs_a_mesh() -> None:
    args = ServiceTrafficArgs(target=TARGET, mesh=NoMesh())
    with pytest.raises(InvalidSettingsError, match="needs a mesh"):
        service_traffic_manifests(args, TrafficPolicy.model_validate(TUTORIAL))


def test_s1_4_an_experiment_ends_after_its_last_day() -> None:
    fault = TrafficPolicy.model_validate(TUTORIAL).fault
    assert fault is not None
    assert not fault.is_expired(date(2027, 1, 31))
    assert fault.is_expired(date(2027, 2, 1))
