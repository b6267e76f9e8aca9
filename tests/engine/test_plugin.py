"""The components used from another language, on the real engine: examples/yaml_stack.

The tests of this file share both stacks and run in file order.
"""

from __future__ import annotations

import copy
import importlib.metadata
import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from otel_mesh.plugin.provider import components
from otel_mesh_cli.core.paths import repo_dir
from tests.engine.conftest import CONTEXT
from tests.engine.stack_program import Engine, StackProgram, counted

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = [pytest.mark.engine, pytest.mark.in_order]

COMPONENTS = repo_dir() / "components"
EXAMPLE = repo_dir() / "examples" / "yaml_stack"
VERSION = importlib.metadata.version("otel-mesh")
OBJECTS = {"Deployment", "Service", "ServiceAccount", "PodDisruptionBudget"}


@pytest.fixture(scope="module")
def platform(
    tmp_path_factory: pytest.TempPathFactory, new_program: Callable[[Path, str], StackProgram]
) -> StackProgram:
    """A platform stack with outputs only."""
    program = new_program(tmp_path_factory.mktemp("platform"), "platform_outputs")
    program.up()
    return program


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, engine: Engine, platform: StackProgram) -> StackProgram:
    """The YAML example; its package is the checkout's folder, and objects are not awaited."""
    folder = tmp_path_factory.mktemp("yaml")
    shutil.copytree(EXAMPLE, folder / "project")
    program = StackProgram(folder, engine, ("team-payments", folder / "project"), "dev", shared=platform)
    content = _program(program)
    content["plugins"]["providers"][0]["path"] = str(COMPONENTS)
    _write(program, content)
    program.init()
    settings = {"platform": "organization/platform_outputs/test", "context": CONTEXT, "image": "example.invalid/x:1.0"}
    for key, value in settings.items():
        program.run("config", "set", key, value)
    return program


def _program(stack: StackProgram) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((stack.folder / "Pulumi.yaml").read_text())
    return content


def _write(stack: StackProgram, content: dict[str, Any]) -> None:
    (stack.folder / "Pulumi.yaml").write_text(yaml.safe_dump(content, sort_keys=False))


@pytest.fixture
def installed(engine: Engine) -> None:
    """The package as an installed plugin; for a path the CLI would create a virtual environment in the checkout."""
    folder = engine.home / "plugins" / f"resource-otel-mesh-v{VERSION}"
    folder.symlink_to(COMPONENTS)


@pytest.mark.usefixtures("installed")
def test_the_schema_has_every_component_with_its_settings(stack: StackProgram) -> None:
    schema = json.loads(stack.run("package", "get-schema", f"otel-mesh@{VERSION}").stdout)
    assert schema["name"] == "otel-mesh"
    assert set(schema["resources"]) == {f"otel-mesh:index:{component.TYPE}" for component in components()}
    assert len(schema["resources"]) >= 7
    microservice = schema["resources"]["otel-mesh:index:Microservice"]
    assert microservice["isComponent"]
    assert {"namespace", "image", "settings"} == set(microservice["requiredInputs"])
    assert set(microservice["properties"]) == {"url", "serviceAccount"}
    settings = schema["types"]["otel-mesh:index:JaegerSettings"]["properties"]
    assert settings["maxTraces"]["type"] == "integer"
    for kind in [*schema["resources"].values(), *schema["types"].values()]:
        assert all(one.get("description") for one in kind.get("properties", {}).values()), kind


def test_a_preview_plans_the_components_and_their_children(stack: StackProgram) -> None:
    planned = {step["urn"].rpartition("::")[0].rpartition("$")[2]: step["newState"] for step in stack.plan()}
    kinds = {kind.rpartition(":")[2] for kind in planned if "kubernetes:" in kind and "providers" not in kind}
    assert kinds == {*OBJECTS, "Namespace"}
    deployment = next(state for kind, state in planned.items() if kind.endswith(":Deployment"))
    template = deployment["inputs"]["spec"]["template"]
    assert template["metadata"]["labels"]["example.com/mesh"] == "yes"
    variables = {one["name"]: one.get("value") for one in template["spec"]["containers"][0]["env"]}
    assert variables["USER_SERVICE_URL"] == "http://user-service.shop.svc.cluster.local:8081"
    assert deployment["inputs"]["spec"]["replicas"] == 2


def test_an_update_creates_children_under_the_component(stack: StackProgram) -> None:
    content = _program(stack)
    # without a kubelet no pod of the service becomes ready
    _write(stack, {**_without(content, "paymentService"), "outputs": {"namespace": "${payments.namespace}"}})
    steps = stack.up()
    _write(stack, content)
    assert set(counted(steps)) == {"create"}
    stored = stack.stored()
    (component,) = (one for one in stored if one["type"] == "otel-mesh:index:Namespace")
    (child,) = (one for one in stored if one.get("parent") == component["urn"])
    assert child["inputs"]["metadata"]["labels"]["istio.io/rev"] == "stable"
    assert "::cluster::" in child["provider"]
    assert json.loads(stack.run("stack", "output", "--json").stdout) == {"namespace": "payments"}


def _without(content: dict[str, Any], resource: str) -> dict[str, Any]:
    kept = {name: one for name, one in content["resources"].items() if name != resource}
    return {**content, "resources": kept}


@pytest.mark.parametrize(
    ("change", "reasons"),
    [
        (
            {"serviceNamespace": "No", "replicas": 0},
            ["serviceNamespace", "is not a DNS label; use at most 63", "replicas", "should be at least 1"],
        ),
        ({"environment": "home"}, ["environment", 'Allowed values are Production ("production")']),
        ({"replica": 2}, ["replica", "Existing properties are: "]),
    ],
    ids=["wrong values", "none of the values", "unknown key"],
)
def test_mistakes_are_reported_with_their_place(
    stack: StackProgram, change: dict[str, Any], reasons: list[str]
) -> None:
    content = _program(stack)
    changed = copy.deepcopy(content)
    changed["resources"]["paymentService"]["properties"]["settings"] |= change
    _write(stack, changed)
    done = stack.run("preview", check=False)
    _write(stack, content)
    told = done.stdout + done.stderr
    assert done.returncode != 0
    assert "Traceback" not in told
    assert [reason for reason in reasons if reason not in told] == [], told
