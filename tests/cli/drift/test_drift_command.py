"""`otel-mesh drift` and `review --against STATE|CLUSTER` on stack `prod`, with its state in a file."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest

from otel_mesh_cli.core.paths import repo_dir
from otel_mesh_cli.drift import deployed
from otel_mesh_cli.main import main
from otel_mesh_cli.review import sides
from otel_mesh_cli.stacks.drift import MARK
from tests.cli.drift.kube_lists import KubeLists
from tests.cli.oncall.kube_api_server import TOKEN, kubeconfig, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONTEXT = "prod"
CANARY = "canary-3f9c0d"
ENGINE = "pulumi-kubernetes-2cd6c4ff"


@pytest.fixture(scope="module")
def declared() -> list[dict[str, Any]]:
    read = sides.read(repo_dir(), CONTEXT, "the checkout", "stack prod")
    return [one for one in read.version.manifests if one["kind"] != "Chart"]


@pytest.fixture
def objects(declared: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The objects as they were deployed: with images, and with what the API server adds."""
    found = deepcopy(declared)
    for one in found:
        one["metadata"] |= {"uid": "1", "managedFields": [{"manager": ENGINE, "operation": "Apply", "fieldsV1": {}}]}
        if one["kind"] == "Deployment":
            one["spec"] |= {"progressDeadlineSeconds": 600}
    return found


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, objects: list[dict[str, Any]]) -> Iterator[KubeLists]:
    with serving(KubeLists()) as running:
        assert isinstance(running, KubeLists)
        running.have(objects)
        file = tmp_path / "kubeconfig"
        kubeconfig(file, f"http://127.0.0.1:{running.port}", {"token": TOKEN}, context=CONTEXT)
        monkeypatch.setenv("KUBECONFIG", str(file))
        yield running


@pytest.fixture
def state(declared: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The stack's state, in the file where the CLI keeps it."""
    resources = []
    for number, one in enumerate(declared):
        inputs = deepcopy(one)
        if one["kind"] == "Secret":
            inputs["stringData"] = {MARK: "1b47061264138c4ac30d75fd1eb44270", "ciphertext": CANARY}
        urn = f"urn:pulumi:prod::otel-mesh::kubernetes:x:{one['kind']}::{number}"
        outputs = {name: one[name] for name in ("apiVersion", "kind", "metadata")}
        resources.append({"urn": urn, "type": f"kubernetes:x:{one['kind']}", "inputs": inputs, "outputs": outputs})
    found = {"resources": resources}
    monkeypatch.setenv("OTEL_MESH_STATE", str(tmp_path / "state"))
    file = deployed.workspace("prod", CONTEXT).state_file("prod")
    assert file is not None
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"checkpoint": {"latest": found}}))
    found["file"] = file  # type: ignore[assignment]
    return found


def deployment(objects: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(one for one in objects if (one["kind"], one["metadata"]["name"]) == ("Deployment", name))


@pytest.mark.usefixtures("state")
def test_a_cluster_as_it_was_left_has_no_drift(server: KubeLists, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["drift", "--stack", "prod", "--context", CONTEXT]) == 0
    assert capsys.readouterr().out.startswith("stack prod: The cluster is as the last update left it.\n")
    assert all(not path.endswith("/secrets") or "namespaces" in path for path in server.asked)


@pytest.mark.usefixtures("state")
def test_what_people_changed_is_drift(
    server: KubeLists, objects: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    changed = deployment(objects, "user-service")
    changed["spec"]["replicas"] += 2
    missing = next(one for one in objects if one["kind"] == "PodDisruptionBudget")
    policy = {
        "apiVersion": "security.istio.io/v1",
        "kind": "AuthorizationPolicy",
        "metadata": {"name": "just-for-today", "namespace": changed["metadata"]["namespace"]},
        "spec": {"action": "ALLOW", "rules": [{}]},
    }
    network = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": policy["metadata"],
        "spec": {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{}]},
    }
    route = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "GRPCRoute",
        "metadata": policy["metadata"],
        "spec": {
            "parentRefs": [{"group": "", "kind": "Service", "name": "user-service"}],
            "rules": [{"backendRefs": [{"name": "payment-service", "port": 8083}]}],
        },
    }
    server.have([*(one for one in objects if one is not missing), policy, network, route])
    assert main(["drift", "--stack", "prod", "--context", CONTEXT, "--output", "json"]) == 1
    told = capsys.readouterr().out
    found = json.loads(told)
    assert {(one["object"], one["action"]) for one in found["objects"]} == {
        (f"Deployment {changed['metadata']['namespace']}/user-service", "update"),
        (f"PodDisruptionBudget {missing['metadata']['namespace']}/{missing['metadata']['name']}", "delete"),
        (f"AuthorizationPolicy {changed['metadata']['namespace']}/just-for-today", "create"),
        (f"NetworkPolicy {changed['metadata']['namespace']}/just-for-today", "create"),
        (f"GRPCRoute {changed['metadata']['namespace']}/just-for-today", "create"),
    }
    assert {"opens access", "moves traffic", "changes capacity"} <= {one["kind"] for one in found["risks"]}
    assert CANARY not in told
    assert main(["drift", "--stack", "prod", "--context", CONTEXT]) == 1
    told = capsys.readouterr().out
    number = changed["spec"]["replicas"]
    assert f"    spec.replicas: {number - 2} -> {number}\n" in told
    assert "missing: PodDisruptionBudget" in told
    assert "added: AuthorizationPolicy" in told
    assert main(["drift", "--stack", "prod", "--context", CONTEXT, "--output", "markdown"]) == 1
    assert capsys.readouterr().out.startswith("<!-- otel-mesh drift: prod -->\n")


def test_review_against_the_cluster_says_what_an_update_would_change(
    server: KubeLists, objects: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["review", "--stack", "prod", "--context", CONTEXT, "--against", "CLUSTER", "--output", "json"]
    assert main(words) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["verdict"], found["before"]) == ("Nothing changes.", f"cluster {CONTEXT}")
    deployment(objects, "user-service")["spec"]["template"]["spec"]["hostPID"] = True
    fields: dict[str, Any] = {"f:spec": {"f:template": {"f:spec": {"f:hostPID": {}}}}}
    deployment(objects, "user-service")["metadata"]["managedFields"].append(
        {"manager": "kubectl-edit", "operation": "Update", "fieldsV1": fields}
    )
    server.have(objects)
    assert main([*words, "--fail-on", "any"]) == 1
    (change,) = json.loads(capsys.readouterr().out)["objects"]
    assert change["fields"] == ["spec.template.spec.hostPID"]


def test_review_against_the_state_needs_no_cluster(
    state: dict[str, Any], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", "/nowhere")
    words = ["review", "--stack", "prod", "--context", CONTEXT, "--against", "STATE", "--output", "json"]
    assert main(words) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["verdict"], found["before"]) == ("Nothing changes.", "the last update")
    changed = next(one for one in state["resources"] if one["inputs"]["metadata"]["name"] == "user-service")
    state["resources"].remove(changed)
    state["file"].write_text(json.dumps({"checkpoint": {"latest": {"resources": state["resources"]}}}))
    assert main(words) == 0
    told = capsys.readouterr().out
    (change,) = json.loads(told)["objects"]
    assert change["action"] == "create"
    assert CANARY not in told


def test_objects_of_charts_are_compared_with_the_cluster_only() -> None:
    chart = {"urn": "chart", "type": "kubernetes:helm.sh/v4:Chart", "parent": "stack"}
    outputs = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "istio", "namespace": "istio-system"}}
    made = {"urn": "map", "type": "kubernetes:core/v1:ConfigMap", "parent": "chart", "inputs": {}, "outputs": outputs}
    gone = {**made, "urn": "old", "delete": True}
    assert deployed.objects({"resources": [chart, made, gone]}, rendered=True) == (outputs,)
    assert deployed.objects({"resources": [chart, made, gone]}, rendered=False) == ()


@pytest.mark.usefixtures("state")
def test_kinds_that_the_user_may_not_list_are_refused_or_named(
    server: KubeLists, capsys: pytest.CaptureFixture[str]
) -> None:
    server.denied = ("requestauthentications",)
    assert main(["drift", "--stack", "prod", "--context", CONTEXT]) == 0
    assert (
        "RequestAuthentications that are not declared: the cluster does not let this user list them."
        in capsys.readouterr().out
    )
    server.denied = ("deployments",)
    assert main(["drift", "--stack", "prod", "--context", CONTEXT]) == 2
    told = capsys.readouterr().err
    assert f"context {CONTEXT}: this user may not list Deployments of" in told
    assert told.count("\n") == 1


def test_a_stack_without_state_is_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OTEL_MESH_STATE", str(tmp_path / "state"))
    for words in (["drift"], ["review", "--against", "STATE"]):
        assert main([*words, "--stack", "prod"]) == 2
        told = capsys.readouterr().err
        assert told.startswith("otel-mesh: stack prod: not deployed, as far as its state says; deploy it by")
        assert told.count("\n") == 1
