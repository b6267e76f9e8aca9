from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

from otel_mesh_cli.stacks import drift

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

META = {"name": "jaeger", "namespace": "observability"}
DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": META,
    "spec": {"replicas": 1, "template": {"spec": {"containers": [{"name": "jaeger", "image": "jaeger:1"}]}}},
}
CONFIG = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": META, "data": {"config.yaml": "a"}}


def resource(manifest: dict[str, Any], **more: object) -> dict[str, Any]:
    kind = f"kubernetes:{manifest['apiVersion']}:{manifest['kind']}"
    return {"type": kind, "inputs": manifest, "outputs": manifest, **more}


STATE = {
    "resources": [
        {"type": "pulumi:pulumi:Stack"},
        {"type": "otel-mesh:index:Jaeger"},
        resource(DEPLOYMENT),
        resource(CONFIG),
    ]
}


def cluster(*objects: dict[str, Any]) -> Callable[[str], dict[str, Any]]:
    def listed(path: str) -> dict[str, Any]:
        return {
            "items": [
                {name: value for name, value in one.items() if name not in ("apiVersion", "kind")}  # as in a list
                for one in objects
                if drift.collection(one["apiVersion"], one["kind"]) == path
            ]
        }

    return listed


def changed(change: Callable[[dict[str, Any]], None]) -> list[str]:
    live = copy.deepcopy(DEPLOYMENT)
    change(live)
    return drift.differences(STATE, cluster(live, CONFIG))


def test_a_cluster_as_it_was_left_has_no_differences() -> None:
    assert drift.differences(STATE, cluster(DEPLOYMENT, CONFIG)) == []


def test_what_is_gone_is_named() -> None:
    assert drift.differences(STATE, cluster(CONFIG)) == ["Deployment observability/jaeger does not exist"]
    assert drift.differences(STATE, lambda _: None) == [
        "Deployment observability/jaeger does not exist",
        "ConfigMap observability/jaeger does not exist",
    ]


def test_what_is_about_to_be_deleted_is_not_missed() -> None:
    state = {"resources": [resource(DEPLOYMENT, delete=True)]}
    assert drift.differences(state, cluster()) == []


def test_changes_of_a_workload_are_named() -> None:
    assert changed(lambda live: live["spec"].update(replicas=0)) == [
        "Deployment observability/jaeger: scaled to 0, not 1"
    ]
    assert changed(lambda live: live["spec"]["template"]["spec"]["containers"][0].update(image="x:2")) == [
        "Deployment observability/jaeger: container jaeger is to run x:2, not jaeger:1"
    ]
    failure = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "forbidden"}
    assert changed(lambda live: live.update(status={"conditions": [failure]})) == [
        "Deployment observability/jaeger: FailedCreate: forbidden"
    ]


def test_what_the_cluster_adds_to_a_workload_is_no_change() -> None:
    def add(live: dict[str, Any]) -> None:
        live["spec"]["template"]["spec"]["containers"].append({"name": "istio-proxy", "image": "proxy:1"})
        live["status"] = {"conditions": [{"type": "Available", "status": "True"}]}

    assert changed(add) == []


def test_a_changed_configuration_is_named_and_an_encrypted_one_cannot_be_compared() -> None:
    live = {**CONFIG, "data": {"config.yaml": "b"}}
    assert drift.differences(STATE, cluster(DEPLOYMENT, live)) == ["ConfigMap observability/jaeger was changed"]
    secret = {**CONFIG, "data": {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270"}}
    assert drift.differences({"resources": [resource(secret)]}, cluster(live)) == []


@pytest.mark.parametrize(
    ("api_version", "kind", "path"),
    [
        ("v1", "Secret", "/api/v1/secrets"),
        ("networking.k8s.io/v1", "NetworkPolicy", "/apis/networking.k8s.io/v1/networkpolicies"),
        ("scheduling.k8s.io/v1", "PriorityClass", "/apis/scheduling.k8s.io/v1/priorityclasses"),
        ("networking.istio.io/v1", "Gateway", "/apis/networking.istio.io/v1/gateways"),
        ("policy/v1", "PodDisruptionBudget", "/apis/policy/v1/poddisruptionbudgets"),
    ],
)
def test_the_path_of_a_kind(api_version: str, kind: str, path: str) -> None:
    assert drift.collection(api_version, kind) == path


def test_a_stack_that_was_never_updated_has_an_empty_state(tmp_path: Path) -> None:
    assert drift.state(tmp_path / "local.json") == {}


READ = {"uid": "u1", "resourceVersion": "7", "labels": {"app": "jaeger"}}
GENERATIONS = {
    "resources": [
        resource({**DEPLOYMENT, "metadata": {**META, **READ, "generation": 3}}),
        resource({**CONFIG, "metadata": {**META, **READ}}),
        {"type": "kubernetes:helm.sh/v4:Chart", "outputs": {}},
    ]
}


def live(of: dict[str, Any], **more: object) -> dict[str, Any]:
    return {**of, "metadata": {**META, **READ, **more}}


@pytest.mark.parametrize(
    ("deployment", "config", "untouched"),
    [
        ({"generation": 3}, {}, True),
        ({"generation": 3, "resourceVersion": "9"}, {}, True),  # its status moves on without anybody's doing
        ({"generation": 4}, {}, False),
        ({"generation": 3, "labels": {}}, {}, False),
        ({"generation": 3, "annotations": {"by": "hand"}}, {}, False),
        ({"generation": 3, "uid": "u2"}, {}, False),
        ({"generation": 3, "deletionTimestamp": "2026-01-01T00:00:00Z"}, {}, False),
        ({"generation": 3}, {"resourceVersion": "8"}, False),
    ],
)
def test_a_write_to_an_object_is_seen(deployment: dict[str, Any], config: dict[str, Any], *, untouched: bool) -> None:
    objects = live(DEPLOYMENT, **deployment), live(CONFIG, **config)
    assert drift.is_untouched(GENERATIONS, cluster(*objects)) is untouched


def test_a_missing_object_or_one_that_was_never_read_is_no_untouched_one() -> None:
    assert not drift.is_untouched(GENERATIONS, cluster(live(DEPLOYMENT, generation=3)))
    assert not drift.is_untouched({"resources": [resource(CONFIG)]}, cluster(live(CONFIG)))
