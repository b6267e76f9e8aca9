"""Programs of examples/ on the real engine and a real API server: applied, and nothing to do the second time."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from otel_mesh import Catalog, MeshBinding, Service, TeamGrants
from otel_mesh_cli.core.paths import repo_dir
from tests.engine.conftest import CONTEXT
from tests.engine.stack_program import Engine, StackProgram, counted

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.engine

EXAMPLES = repo_dir() / "examples"
MESH = MeshBinding(
    kind="istio",
    version="1.31.0",
    trust_domain="cluster.local",
    namespace_labels={"istio.io/rev": "stable"},
    pod_labels={"example.com/mesh": "yes"},
)
OUTPUTS = {
    "mesh": MESH.model_dump(mode="json"),
    "otlp_endpoint": "http://otel-collector.observability.svc.cluster.local:4317",
    "service_urls": {},
    "catalog": Catalog(name="shop", services=(Service(name="a", port=8080),)).model_dump(mode="json"),
    "teams": TeamGrants(environment="development", observability="observability").model_dump(mode="json"),
}


def example(program: StackProgram, name: str, **config: str) -> StackProgram:
    """The stack of an example, with the settings of its Pulumi.yaml."""
    program.environment["EXAMPLE"] = str(EXAMPLES / name / "__main__.py")
    project = yaml.safe_load((EXAMPLES / name / "Pulumi.yaml").read_text())
    assert config.keys() <= project.get("config", {}).keys()
    fixed = {key: str(one["value"]).lower() for key, one in project.get("config", {}).items() if "value" in one}
    for key, value in {**fixed, **config, "kubernetes:context": CONTEXT}.items():
        program.run("config", "set", key, value)
    return program


def applied(program: StackProgram) -> dict[str, dict[str, Any]]:
    """The inputs of the created objects, by kind and name; another preview has nothing to do."""
    assert set(counted(program.up())) == {"create"}
    assert [step for step in program.preview() if step.op != "read"] == []
    return {
        f"{one['type'].rpartition(':')[2]} {one['inputs']['metadata']['name']}": one["inputs"]
        for one in program.stored()
        if "metadata" in one.get("inputs", {})
    }


def test_a_collector_and_a_jaeger(tmp_path: Path, new_program: Callable[[Path, str], StackProgram]) -> None:
    program = example(new_program(tmp_path, "example"), "tracing_only")
    found = applied(program)
    assert {name for name in found if name.startswith("Deployment")} == {
        "Deployment otel-collector",
        "Deployment jaeger",
    }
    assert json.loads(program.run("stack", "output", "--json").stdout) == {
        "otlp": "http://otel-collector.tracing.svc.cluster.local:4317",
        "page": "http://jaeger.tracing.svc.cluster.local:16686",
    }
    program.run("destroy", "--yes", "--skip-preview")
    assert program.resources() == []


@pytest.fixture
def platform(tmp_path: Path, new_program: Callable[[Path, str], StackProgram]) -> StackProgram:
    """A platform's outputs, without its resources."""
    folder = tmp_path / "platform"
    folder.mkdir()
    program = new_program(folder, "outputs")
    program.environment["OUTPUTS"] = json.dumps(OUTPUTS)
    program.up()
    return program


def test_an_image_without_our_conventions_joins_the_mesh(
    tmp_path: Path, engine: Engine, platform: StackProgram
) -> None:
    folder = tmp_path / "pages"
    folder.mkdir()
    (folder / "programs").symlink_to(repo_dir() / "tests" / "engine" / "programs")
    (folder / "Pulumi.yaml").write_text(
        yaml.safe_dump({"name": "pages", "runtime": "python", "main": "programs/example.py"})
    )
    program = StackProgram(tmp_path, engine, ("pages", folder), "dev", shared=platform)
    program.environment["PYTHONPATH"] = str(repo_dir())
    program.init()
    image = yaml.safe_load((EXAMPLES / "plain_image" / "Pulumi.yaml").read_text())["config"]["image"]["default"]
    found = applied(example(program, "plain_image", platform="organization/outputs/test", image=image))
    pod = found["Deployment pages"]["spec"]["template"]
    assert pod["metadata"]["labels"]["example.com/mesh"] == "yes"
    (container,) = pod["spec"]["containers"]
    assert container["image"] == image
    assert container["livenessProbe"]["httpGet"]["path"] == "/"
    assert not [one for one in container["env"] if one["name"].startswith("OTEL_")]
    assert found["Namespace pages"]["metadata"]["labels"]["istio.io/rev"] == "stable"
