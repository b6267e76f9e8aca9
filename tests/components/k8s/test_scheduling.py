"""Scheduling settings: validation, merging over defaults, and their place in the manifests."""

from __future__ import annotations

from typing import Any

import pytest

from otel_mesh import (
    InvalidSettingsError,
    JaegerSettings,
    MicroserviceSettings,
    OtelCollectorSettings,
    Resources,
    Scheduling,
    ServiceRuntime,
    Storage,
)
from otel_mesh.core.errors import parse
from tests.components.scenarios import SCENARIOS, SCHEDULED, SERVICE


@pytest.mark.parametrize(
    ("values", "mistake"),
    [
        (
            {"tolerations": [{"key": "a", "operator": "Equal"}]},
            "tolerations[0].operator: Equal needs a key and a value; give both, or use Exists",
        ),
        (
            {"tolerations": [{"key": "a", "value": "b"}]},
            "tolerations[0].value: has no effect with operator Exists; remove it, or use Equal",
        ),
        (
            {"tolerations": [{"seconds": 3, "effect": "NoSchedule"}]},
            "tolerations[0].seconds: has an effect with NoExecute only; remove it, or use NoExecute",
        ),
        (
            {"node_selector": {"a/b/c": "x"}},
            (
                "node_selector.a/b/c: is not a label key; "
                "write a name such as zone, or one with a domain such as topology.kubernetes.io/zone"
            ),
        ),
        (
            {"priority_class": "High"},
            "priority_class: is not an object name; use at most 253 lower case letters, digits, dashes and dots",
        ),
        ({"topology_keys": ["zone", "zone"]}, "topology_keys[1]: is listed twice; remove one"),
        ({"image_pull_secrets": ["a", "b", "a"]}, "image_pull_secrets[2]: is listed twice; remove one"),
        (
            {"spread_over": ["zone"]},
            "spread_over: renamed to topology_keys; rename the key, the value stays",
        ),
        ({"tolerance": []}, "tolerance: unknown key; did you mean 'tolerations'?"),
    ],
)
def test_impossible_scheduling_is_refused(values: dict[str, Any], mistake: str) -> None:
    with pytest.raises(InvalidSettingsError) as refused:
        parse(Scheduling, values)
    assert str(refused.value) == mistake


@pytest.mark.parametrize(
    ("model", "values"),
    [
        (OtelCollectorSettings, {"replicas": 3}),
        (MicroserviceSettings, {"replicas": 3, "service": SERVICE, "service_namespace": "a", "environment": "test"}),
    ],
)
def test_a_drain_never_takes_all_pods(model: type[OtelCollectorSettings], values: dict[str, Any]) -> None:
    parse(model, {**values, "scheduling": {"max_unavailable": 2}})
    parse(model, {**values, "replicas": 1, "scheduling": {"max_unavailable": 1}})
    with pytest.raises(InvalidSettingsError) as refused:
        parse(model, {**values, "scheduling": {"max_unavailable": 3}})
    assert str(refused.value) == (
        "scheduling.max_unavailable: lets a drain evict all 3 pods at once; set it below 'replicas'"
    )


def test_settings_are_merged_over_defaults_field_by_field() -> None:
    defaults = ServiceRuntime(
        replicas=3, resources=Resources(cpu="1", memory="1Gi", memory_limit="2Gi"), scheduling=SCHEDULED
    )
    own = ServiceRuntime(resources=Resources(cpu="2"), scheduling=Scheduling(priority_class="other"))
    both = parse(ServiceRuntime, own.over(defaults))
    assert both.replicas == 3
    assert both.resources == Resources(cpu="2", memory="1Gi", memory_limit="2Gi")
    assert both.scheduling == SCHEDULED.model_copy(update={"priority_class": "other"})
    assert both.model_fields_set == {"replicas", "resources", "scheduling"}


def test_conflicting_settings_are_refused_after_merging_too() -> None:
    defaults = ServiceRuntime(resources=Resources(memory="1Gi", memory_limit="2Gi"))
    own = ServiceRuntime(resources=Resources(memory_limit="512Mi"))
    with pytest.raises(InvalidSettingsError, match="resources.memory_limit: is below the request 'memory'"):
        parse(ServiceRuntime, own.over(defaults))


@pytest.mark.parametrize(
    "name",
    [
        "microservice-scheduled",
        "otel-collector-scheduled",
        "postgres-scheduled",
        "jaeger-scheduled",
        "victoria-logs-scheduled",
    ],
)
def test_every_workload_follows_its_scheduling_settings(name: str) -> None:
    workload = next(one for one in SCENARIOS[name]() if one["kind"] in {"Deployment", "StatefulSet"})
    pod = workload["spec"]["template"]["spec"]
    assert pod["priorityClassName"] == "urgent"
    assert pod["nodeSelector"] == {"kubernetes.io/os": "linux"}
    assert pod["imagePullSecrets"] == [{"name": "registry"}]
    assert [toleration["key"] for toleration in pod["tolerations"]] == ["dedicated", "node.kubernetes.io/unreachable"]
    if workload["kind"] == "Deployment":
        assert {(one["topologyKey"], one["whenUnsatisfiable"]) for one in pod["topologySpreadConstraints"]} == {
            ("kubernetes.io/hostname", "DoNotSchedule"),
            ("topology.kubernetes.io/zone", "DoNotSchedule"),
        }
    budgets = [one["spec"]["maxUnavailable"] for one in SCENARIOS[name]() if one["kind"] == "PodDisruptionBudget"]
    assert budgets == ([2] if name in {"microservice-scheduled", "otel-collector-scheduled"} else [])


@pytest.mark.parametrize(
    ("values", "mistake"),
    [
        ({"retention": "3d"}, "retention: has no effect on ephemeral storage; remove it, or change 'storage'"),
        (
            {"storage": Storage(kind="persistent"), "max_traces": 500},
            "max_traces: has no effect on persistent storage; remove it, or change 'storage'",
        ),
    ],
)
def test_more_traces_than_the_storage_holds_are_refused(values: dict[str, Any], mistake: str) -> None:
    with pytest.raises(InvalidSettingsError) as refused:
        parse(JaegerSettings, values)
    assert str(refused.value) == mistake
