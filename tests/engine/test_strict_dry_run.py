"""The objects of every stack pass strict field validation, and its pods restricted pod security."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from otel_mesh_cli.stacks import rendering
from otel_mesh_stack.services import CATALOG

if TYPE_CHECKING:
    from pathlib import Path

    from tests.engine.api_server import ApiServer

pytestmark = pytest.mark.engine

REPLICATED = {*(service.name for service in CATALOG.services), "otel-collector"}
WORKLOADS = REPLICATED | {"jaeger", "victoria-logs", "prometheus", "postgres", "redis", "load-generator"}
SAMPLER = {"otel-sampler"}  # only in stacks that sample traces
GRAFANA = {"grafana"}  # only in stacks with its image
ALERTMANAGER = {"alertmanager"}  # only in stacks that send alerts
BACKUP = {"postgres-backup"}  # only in stacks with backups


@pytest.fixture(scope="module", params=["local", "dev", "prod"])
def objects(request: pytest.FixtureRequest, api_server: ApiServer, kubeconfig: Path) -> list[dict[str, Any]]:
    """The objects of a stack; the objects needed by admission exist."""
    stack = request.param
    namespaces = {"observability": f"observability-dry-{stack}", "services": f"shop-dry-{stack}"}
    with rendering.of(stack, {"namespaces": namespaces, "mesh": {"kind": "none"}, "load_generator": {}}) as made:
        found = [yaml.safe_load(path.read_text()) for path in made.write().rglob("*.yaml")]
    needed = [one for one in found if one["kind"] in {"Namespace", "PriorityClass", "ServiceAccount"}]
    needed.sort(key=lambda one: str(one["kind"]))
    done = api_server.kubectl(["apply", "--server-side", "--filename=-"], kubeconfig, yaml.safe_dump_all(needed))
    assert done.returncode == 0, done.stderr
    return found


def test_objects_pass_strict_field_validation(
    objects: list[dict[str, Any]], api_server: ApiServer, kubeconfig: Path
) -> None:
    assert len(objects) >= 33
    done = api_server.dry_run(objects, kubeconfig)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == len(objects)
    assert done.stderr == ""  # no warning either, such as one of Pod Security


def _pods(objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {**_template(one)["metadata"], **_place(one)},
            "spec": with_claims(one),
        }
        for one in objects
        if one["kind"] in {"Deployment", "StatefulSet", "Job", "CronJob"}
    ]


def with_claims(manifest: dict[str, Any]) -> dict[str, Any]:
    """The pod's spec with the volumes that a StatefulSet's controller adds."""
    pod: dict[str, Any] = _template(manifest)["spec"]
    names = [one["metadata"]["name"] for one in manifest["spec"].get("volumeClaimTemplates", [])]
    claims = [{"name": name, "persistentVolumeClaim": {"claimName": name}} for name in names]
    return {**pod, "volumes": [*pod.get("volumes", []), *claims]}


def _template(manifest: dict[str, Any]) -> dict[str, Any]:
    spec = manifest["spec"]
    template: dict[str, Any] = spec["jobTemplate"]["spec"]["template"] if "jobTemplate" in spec else spec["template"]
    return template


def _place(manifest: dict[str, Any]) -> dict[str, str]:
    return {"name": manifest["metadata"]["name"], "namespace": manifest["metadata"]["namespace"]}


def test_pods_are_admitted_under_restricted_pod_security(
    objects: list[dict[str, Any]], api_server: ApiServer, kubeconfig: Path
) -> None:
    pods = _pods(objects)
    assert {pod["metadata"]["name"] for pod in pods} - SAMPLER - GRAFANA - ALERTMANAGER - BACKUP == WORKLOADS
    done = api_server.dry_run(pods, kubeconfig)
    assert done.returncode == 0, done.stderr


def test_pod_settings_of_a_stack_reach_every_pod(objects: list[dict[str, Any]]) -> None:
    pods = {one["metadata"]["name"]: one["spec"] for one in _pods(objects)}
    made = {one["metadata"]["name"] for one in objects if one["kind"] == "PriorityClass"}
    assert {pod.get("priorityClassName") for pod in pods.values()} == (made or {None})
    budgets = {one["metadata"]["name"] for one in objects if one["kind"] == "PodDisruptionBudget"}
    several = (
        {one["metadata"]["name"] for one in objects if one.get("spec", {}).get("replicas", 1) > 1} if made else set()
    )
    assert budgets == REPLICATED | (SAMPLER & pods.keys()) | (ALERTMANAGER & several)
    classes = {one["spec"].get("storageClassName") for one in objects if one["kind"] == "PersistentVolumeClaim"}
    assert classes in ({"local"}, {"ssd"} if made else {None})


def test_a_pod_without_a_seccomp_profile_is_refused(
    objects: list[dict[str, Any]], api_server: ApiServer, kubeconfig: Path
) -> None:
    pod = copy.deepcopy(_pods(objects)[0])
    del pod["spec"]["securityContext"]["seccompProfile"]
    done = api_server.dry_run([pod], kubeconfig)
    assert done.returncode != 0
    assert 'violates PodSecurity "restricted' in done.stderr


def test_an_unknown_field_is_refused(objects: list[dict[str, Any]], api_server: ApiServer, kubeconfig: Path) -> None:
    deployment = next(one for one in objects if one["kind"] == "Deployment")
    wrong = {**deployment, "spec": {**deployment["spec"], "replica": 1}}
    done = api_server.dry_run([wrong], kubeconfig)
    assert done.returncode != 0
    assert ".spec.replica: field not declared in schema" in done.stderr
