"""Refactorings replace no deployed object, on the real engine."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from otel_mesh_cli.core.paths import repo_dir
from tests.engine.stack_program import Step, counted

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.engine.api_server import ApiServer
    from tests.engine.project import Project
    from tests.engine.stack_program import StackProgram

pytestmark = pytest.mark.engine

GOLDEN = repo_dir() / "tests" / "engine" / "golden"
VERSION = "0.1.0"
"""The version whose deployment UPDATE_GOLDEN=1 records; raise it with a release, the older files stay."""
HARMLESS = {"same", "create", "update"}
"""Operations that a library upgrade may perform on deployed objects."""


@pytest.fixture(scope="module")
def deployed(
    tmp_path_factory: pytest.TempPathFactory, new_program: Callable[[Path, str], StackProgram]
) -> StackProgram:
    program = new_program(tmp_path_factory.mktemp("refactor"), "refactor")
    assert counted(program.up()) == {"create": 9}
    assert program.preview() == []
    return program


def _after(deployed: StackProgram, variant: str) -> list[Step]:
    deployed.environment["VARIANT"] = variant
    return deployed.preview()


def test_a_renamed_class_changes_nothing(deployed: StackProgram) -> None:
    assert _after(deployed, "renamed class") == []


@pytest.mark.parametrize("variant", ["renamed type", "renamed resource"])
def test_resources_under_former_names_are_adopted(deployed: StackProgram, variant: str) -> None:
    assert _after(deployed, variant) == []


def test_a_component_moves_into_another(deployed: StackProgram) -> None:
    assert [step.place for step in _after(deployed, "moved resource")] == ["Group group"]


def test_a_missing_type_alias_would_replace_every_resource(deployed: StackProgram) -> None:
    assert counted(_after(deployed, "forgotten type")) == {"create": 5, "delete": 5}


@pytest.fixture
def upgraded(tmp_path: Path, new_project: Callable[[Path, str], Project]) -> Project:
    """Stack local as recorded: without a secret, since its state is in the repository."""
    project = new_project(tmp_path, "golden")
    for store in ("postgres", "redis"):
        project.configure({f"{store}_password_file": None, f"{store}.existing_secret": f"{store}-credentials"})
    return project


def _record(project: Project, place: Path) -> None:
    """Reduces the state to each object's identity and inputs."""
    project.up()
    state = json.loads(project.run("stack", "export").stdout)
    for resource in state["deployment"]["resources"]:
        for key in ("sourcePosition", "stackTrace", "created", "modified", "propertyDependencies"):
            resource.pop(key, None)
        if resource["type"].startswith("kubernetes:"):
            resource["outputs"] = {key: value for key, value in resource["outputs"].items() if key.startswith("__")}
        if resource["type"] == "pulumi:providers:kubernetes":
            for values in (resource["inputs"], resource["outputs"]):
                values["kubeconfig"] = "kubeconfig"
    lines = ",\n".join(json.dumps(one, sort_keys=True) for one in state["deployment"].pop("resources"))
    text = f'{{"version": {state["version"]}, "deployment": {{"resources": [\n{lines}\n]}}}}'
    assert [word for word in (str(Path.home()), str(repo_dir()), "pytest-of", "ciphertext") if word in text] == []
    place.write_text(f"{text}\n")


def test_the_current_state_is_recorded(upgraded: Project) -> None:
    place = GOLDEN / f"state-{VERSION}.json"
    if os.environ.get("UPDATE_GOLDEN") and not place.exists():
        _record(upgraded, place)
    assert place.exists()


@pytest.fixture(params=sorted(GOLDEN.glob("state-*.json")), ids=lambda place: place.stem)
def recorded(
    request: pytest.FixtureRequest, upgraded: Project, tmp_path: Path, api_server: ApiServer, kubeconfig: Path
) -> list[dict[str, Any]]:
    """A deployment of an earlier version: its objects in the cluster and its state in the stack."""
    state = json.loads(request.param.read_text())
    resources: list[dict[str, Any]] = state["deployment"]["resources"]
    objects = [one for one in resources if one["type"].startswith("kubernetes:")]
    objects.sort(key=lambda one: not one["type"].endswith(":Namespace"))
    for one in objects:
        manager = one["outputs"]["__fieldManager"]
        words = ["apply", "--server-side", f"--field-manager={manager}", "--filename=-", "--output=json"]
        done = api_server.kubectl(words, kubeconfig, json.dumps(one["inputs"]))
        assert done.returncode == 0, done.stderr
        one["outputs"] |= json.loads(done.stdout)
    imported = tmp_path / "state.json"
    imported.write_text(json.dumps(state))
    upgraded.run("stack", "import", f"--file={imported}")
    return resources


def test_what_an_earlier_version_deployed_is_neither_replaced_nor_deleted(
    upgraded: Project, recorded: list[dict[str, Any]]
) -> None:
    assert len(recorded) > 40
    steps = upgraded.plan()
    assert [f"{step['op']} {step['urn']}" for step in steps if step["op"] not in HARMLESS] == []
    made = {step["urn"] for step in steps if step["op"] == "create"}
    assert made & {one["urn"] for one in recorded} == set()


VERSIONS = {"v2": {"image": "example.invalid/order-service:2.0", "replicas": 1}}


def test_another_version_beside_what_is_deployed_replaces_nothing(
    upgraded: Project, recorded: list[dict[str, Any]]
) -> None:
    """The recorded Deployment keeps its name, its selector and its pod template; the Service selects both."""
    assert len(recorded) > 40
    upgraded.up()
    upgraded.configure({"services.order-service.versions": VERSIONS})
    steps = {step["urn"].split("$")[-1]: step["op"] for step in upgraded.plan() if step["op"] != "same"}
    assert steps == {
        "kubernetes:core/v1:Service::order-service": "update",
        "kubernetes:apps/v1:Deployment::order-service-order-service-v2": "create",
        "kubernetes:policy/v1:PodDisruptionBudget::order-service-order-service-v2": "create",
    }
