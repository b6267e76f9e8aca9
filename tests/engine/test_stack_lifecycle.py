"""C1: stack ``local`` on the real engine, provider and API server: first update, changes and previews.

The tests of this file share one stack and run in file order.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from otel_mesh_stack.services import CATALOG
from tests.engine.process_watch import ProcessWatch
from tests.engine.project import CANARY, IMAGES, Project, Step, counted

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.engine.api_server import ApiServer

pytestmark = [pytest.mark.engine, pytest.mark.in_order]

SUFFIX = "life"
SERVICES = len(CATALOG.services)
OBJECTS = {
    "Namespace": 2,
    "ServiceAccount": 8 + SERVICES,
    "ConfigMap": 9,
    "Secret": 4,
    "PersistentVolumeClaim": 4,
    "ClusterRole": 1,
    "ClusterRoleBinding": 1,
    "Deployment": 5 + SERVICES,
    "StatefulSet": 2,
    "CronJob": 1,
    "Service": 8 + SERVICES,
    "PodDisruptionBudget": 1 + SERVICES,
    "NetworkPolicy": 2 * 2 + 5 + 3 + SERVICES,
}
COMPONENTS = 4 + 5 + 3 + 2 + SERVICES


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, new_project: Callable[[Path, str], Project]) -> Project:
    return new_project(tmp_path_factory.mktemp("lifecycle"), SUFFIX)


@pytest.fixture(scope="module")
def deployed(project: Project) -> list[Step]:
    """The first update, under a search of all processes."""
    with ProcessWatch(CANARY) as watch:
        steps = project.up()
    assert watch.seen > 3
    assert not watch.finds
    return steps


def _kinds(steps: list[Step]) -> dict[str, int]:
    found: dict[str, int] = {}
    for step in steps:
        if step.type.startswith("kubernetes:"):
            kind = step.type.rpartition(":")[2]
            found[kind] = found.get(kind, 0) + 1
    return found


def _stored(api_server: ApiServer, kubeconfig: Path, kind: str) -> list[dict[str, Any]]:
    done = api_server.kubectl(["get", kind, "--all-namespaces", "--output=json"], kubeconfig)
    assert done.returncode == 0, done.stderr
    items: list[dict[str, Any]] = json.loads(done.stdout)["items"]
    return [one for one in items if one["metadata"].get("namespace", SUFFIX).endswith(SUFFIX)]


def test_a_preview_plans_every_object_once_and_creates_none(project: Project) -> None:
    steps = project.preview()
    assert set(counted(steps)) == {"create"}
    assert _kinds(steps) == OBJECTS
    assert len(steps) == sum(OBJECTS.values()) + COMPONENTS + 3  # the stack, the provider and the cluster's record
    assert project.resources() == []


def test_an_update_creates_what_the_preview_planned(
    deployed: list[Step], api_server: ApiServer, kubeconfig: Path
) -> None:
    assert set(counted(deployed)) == {"create"}
    assert _kinds(deployed) == OBJECTS
    for kind in ("Deployment", "StatefulSet", "Service", "ConfigMap", "Secret", "PersistentVolumeClaim"):
        stored = _stored(api_server, kubeconfig, kind)
        ours = [one for one in stored if one["metadata"].get("labels", {}).get("app.kubernetes.io/part-of")]
        assert len(ours) == OBJECTS[kind], kind


@pytest.mark.usefixtures("deployed")
def test_every_object_belongs_to_a_component_of_the_stack(project: Project) -> None:
    resources = project.state()["checkpoint"]["latest"]["resources"]
    stack = next(one["urn"] for one in resources if one["type"] == "pulumi:pulumi:Stack")
    components = {one["urn"]: one for one in resources if one["type"].startswith("otel-mesh:index:")}
    assert len(components) == COMPONENTS
    assert {one["parent"] for one in components.values()} == {stack}
    objects = [one for one in resources if one["type"].startswith("kubernetes:")]
    assert len(objects) == sum(OBJECTS.values())
    assert {one["parent"] for one in objects} == set(components)
    providers = [one for one in resources if one["type"].startswith("pulumi:providers:")]
    # besides ours the engine's Stash, which records the cluster
    assert [one["urn"].rpartition("::")[2] for one in providers if not one["type"].endswith(":pulumi")] == ["cluster"]
    assert {one["customTimeouts"]["create"] for one in objects} == {120}


@pytest.mark.usefixtures("deployed")
def test_an_update_without_a_change_changes_nothing(project: Project) -> None:
    assert project.up("--expect-no-changes") == []


@pytest.mark.usefixtures("deployed")
def test_a_preview_of_no_change_is_empty(project: Project) -> None:
    assert project.preview() == []


@pytest.mark.usefixtures("deployed")
def test_api_server_defaults_are_not_drift(project: Project) -> None:
    project.run("refresh", "--yes", "--skip-preview", "--expect-no-changes")


@pytest.mark.usefixtures("deployed")
def test_a_changed_replica_count_is_one_update(project: Project) -> None:
    project.configure({"services.api-gateway.replicas": 2})
    expected = [Step("update", "kubernetes:apps/v1:Deployment", "api-gateway", ("spec.replicas",))]
    assert project.preview() == expected
    assert project.up() == expected


@pytest.mark.usefixtures("deployed")
def test_a_collector_setting_changes_its_configuration_and_rolls_its_pods_only(project: Project) -> None:
    project.configure({"collector.batching.size": 512})
    steps = sorted(project.up(), key=lambda step: step.place)
    assert steps == [
        Step("update", "kubernetes:core/v1:ConfigMap", "otel-collector", ('data["config.yaml"]',)),
        Step(
            "update",
            "kubernetes:apps/v1:Deployment",
            "otel-collector",
            ('spec.template.metadata.annotations["otel-mesh.dev/config-checksum"]',),
        ),
    ]


@pytest.mark.usefixtures("deployed")
def test_a_new_image_updates_the_service_that_runs_it(project: Project) -> None:
    image = "example.invalid/user-service:2.0"
    project.images_file.write_text(json.dumps({**IMAGES, "user-service": image}))
    (step,) = project.up()
    assert (step.op, step.place) == ("update", "Deployment user-service")
    # the image of the container and of its migration
    assert set(step.diff) == {f"spec.template.spec.{kind}[0].image" for kind in ("containers", "initContainers")}


@pytest.mark.usefixtures("deployed")
def test_a_bigger_volume_and_a_new_password_replace_nothing(
    project: Project, api_server: ApiServer, kubeconfig: Path
) -> None:
    before = {one["metadata"]["uid"] for one in _stored(api_server, kubeconfig, "Secret")}
    (project.secrets_dir / "postgres-password").write_text(f"{CANARY}-renewed\n")
    project.configure({"prometheus.scrape_interval": "30s"})
    steps = project.up()
    assert set(counted(steps)) == {"update"}
    assert {step.place for step in steps} == {
        "Secret postgres-postgres-credentials",
        "ConfigMap prometheus",
        "Deployment prometheus",
    }
    assert {one["metadata"]["uid"] for one in _stored(api_server, kubeconfig, "Secret")} == before


@pytest.mark.usefixtures("deployed")
def test_the_password_is_only_in_the_cluster(
    project: Project, api_server: ApiServer, kubeconfig: Path, pulumi_home: Path
) -> None:
    secrets = {one["metadata"]["name"]: one["data"]["password"] for one in _stored(api_server, kubeconfig, "Secret")}
    assert {name: base64.b64decode(value).decode() for name, value in secrets.items()} == {
        "postgres-credentials": f"{CANARY}-renewed",
        "postgres-credentials-migrations": CANARY,
        "postgres-credentials-services": CANARY,
        "redis-credentials": CANARY,
    }
    project.run("preview", "--diff")
    project.run("preview", "--json")
    project.run("stack", "export")
    project.run("stack", "output", "--json")
    needles = (CANARY.encode(), base64.b64encode(CANARY.encode())[:-4])
    texts = {"output of the CLI": "\n".join(project.output).encode()}
    for folder in (project.folder, project.backend, pulumi_home):
        texts |= {
            str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file() and "bin" not in str(path)
        }
    assert str(project.state_file) in texts
    assert b"ciphertext" in texts[str(project.state_file)]
    assert [name for name, text in texts.items() if any(needle in text for needle in needles)] == []


@pytest.mark.usefixtures("deployed")
def test_the_checkout_is_left_alone(project: Project) -> None:
    assert "encryptionsalt" in project.stack_file.read_text()
    for stack_file in (project.folder / "infra").resolve().parent.glob("Pulumi*.yaml"):
        assert "encryptionsalt" not in stack_file.read_text()
