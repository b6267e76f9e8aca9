"""Ordinary workloads on a real API server: strict field validation, and the number of pods of an autoscaler."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.components.scenarios import SCENARIOS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.engine.api_server import ApiServer
    from tests.engine.stack_program import StackProgram

pytestmark = pytest.mark.engine

WORKLOADS = sorted(name for name in SCENARIOS if name.startswith(("microservice", "postgres-backup")))
NAMESPACE = "shop-ordinary"
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}


def objects(scenario: str) -> list[dict[str, Any]]:
    made = [dict(one) for one in SCENARIOS[scenario]()]
    for one in made:
        one["metadata"] = {**one["metadata"], "namespace": NAMESPACE}
    return made


def pod_of(manifest: dict[str, Any]) -> dict[str, Any]:
    spec = manifest["spec"]
    template = spec["jobTemplate"]["spec"]["template"] if manifest["kind"] == "CronJob" else spec["template"]
    meta = {**template["metadata"], "name": manifest["metadata"]["name"], "namespace": NAMESPACE}
    # a class that only its stack creates
    pod = {key: value for key, value in template["spec"].items() if key != "priorityClassName"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": pod}


@pytest.fixture(scope="module", autouse=True)
def _namespace(api_server: ApiServer, kubeconfig: Path) -> None:
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": RESTRICTED}}
    accounts = {
        one["metadata"]["name"]: one for name in WORKLOADS for one in objects(name) if one["kind"] == "ServiceAccount"
    }
    text = yaml.safe_dump_all([namespace, *accounts.values()])
    done = api_server.kubectl(["apply", "--server-side", "--filename=-"], kubeconfig, text)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("scenario", WORKLOADS)
def test_objects_pass_strict_field_validation(scenario: str, api_server: ApiServer, kubeconfig: Path) -> None:
    made = objects(scenario)
    done = api_server.dry_run(made, kubeconfig)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == len(made)


@pytest.mark.parametrize("scenario", WORKLOADS)
def test_pods_are_admitted_under_restricted_pod_security(
    scenario: str, api_server: ApiServer, kubeconfig: Path
) -> None:
    pods = [pod_of(one) for one in objects(scenario) if one["kind"] in {"Deployment", "Job", "CronJob"}]
    assert pods
    done = api_server.dry_run(pods, kubeconfig)
    assert done.returncode == 0, done.stderr


def test_the_scenarios_have_what_an_api_server_may_refuse() -> None:
    made = [one for name in WORKLOADS for one in objects(name)]
    assert {"HorizontalPodAutoscaler", "CronJob", "Deployment", "PodDisruptionBudget"} <= {one["kind"] for one in made}
    volumes = [
        one
        for manifest in made
        if "template" in manifest.get("spec", {})
        for one in pod_of(manifest)["spec"]["volumes"]
    ]
    assert any("projected" in one for one in volumes)


def test_the_number_of_pods_is_the_autoscalers(
    tmp_path: Path, new_program: Callable[[Path, str], StackProgram], api_server: ApiServer, kubeconfig: Path
) -> None:
    program = new_program(tmp_path, "autoscaled")
    program.up()

    def kubectl(*words: str) -> str:
        done = api_server.kubectl([*words, "--namespace=autoscaled"], kubeconfig)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def replicas() -> int:
        return int(json.loads(kubectl("get", "deployment", "web", "--output=json"))["spec"]["replicas"])

    assert replicas() == 2
    assert program.preview() == []
    kubectl("scale", "deployment", "web", "--replicas=5")  # as the autoscaler does
    assert program.preview() == []
    assert program.up() == []
    assert replicas() == 5
    program.run("refresh", "--yes", "--skip-preview")
    assert program.preview() == []
    program.environment["VERSION"] = "1.0.1"
    assert "Deployment web" in {step.place for step in program.up()}
    assert replicas() == 5, "a change of something else leaves it alone"
