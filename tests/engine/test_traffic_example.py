"""examples/traffic on the real engine and API server: applied with Istio, and planned with what Linkerd can do."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from otel_mesh import LinkerdSettings
from otel_mesh.mesh.linkerd.binding import linkerd_binding
from otel_mesh_cli.core.paths import repo_dir
from tests.components.mesh.linkerd.scenarios import NEAREST
from tests.components.mesh.traffic_policies import TUTORIAL
from tests.engine.stack_program import Engine, StackProgram, counted
from tests.engine.test_examples import OUTPUTS, example

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.built import Built
    from tests.engine.api_server import ApiServer

pytestmark = pytest.mark.engine

KINDS = ("virtualservices", "destinationrules")


@pytest.fixture
def istio_kinds(api_server: ApiServer, kubeconfig: Path, built: Built) -> None:
    """The API server knows Istio's kinds."""
    (definitions,) = (built.charts() / "base" / "files").glob("crd-all*.yaml")
    names = [f"crd/{one}.networking.istio.io" for one in KINDS]
    for words in (
        ["apply", "--server-side", "--force-conflicts", f"--filename={definitions}"],
        ["wait", *names, "--for=condition=Established", "--timeout=60s"],
    ):
        done = api_server.kubectl(words, kubeconfig)
        assert done.returncode == 0, done.stderr


@pytest.fixture
def new_traffic(
    tmp_path: Path, engine: Engine, new_program: Callable[[Path, str], StackProgram]
) -> Callable[[dict[str, Any], dict[str, Any]], StackProgram]:
    """The example's stack, on a platform with a mesh and with a policy."""

    def made(mesh: dict[str, Any], policy: dict[str, Any]) -> StackProgram:
        for name in ("platform", "traffic"):
            (tmp_path / name).mkdir()
        platform = new_program(tmp_path / "platform", "outputs")
        platform.environment["OUTPUTS"] = json.dumps({**OUTPUTS, **mesh})
        platform.up()
        folder = tmp_path / "traffic"
        (folder / "programs").symlink_to(repo_dir() / "tests" / "engine" / "programs")
        project = {"name": "traffic", "runtime": "python", "main": "programs/example.py"}
        (folder / "Pulumi.yaml").write_text(yaml.safe_dump(project))
        program = StackProgram(tmp_path, engine, ("traffic", folder), "dev", shared=platform)
        program.environment["PYTHONPATH"] = str(repo_dir())
        program.init()
        example(program, "traffic", platform="organization/outputs/test", image="registry.example.com/orders:1.0.0")
        program.run("config", "set", "policy", json.dumps(policy))
        return program

    return made


@pytest.mark.usefixtures("istio_kinds")
def test_s1_3_the_figures_are_applied_with_istio_and_nothing_is_left_to_do(
    new_traffic: Callable[[dict[str, Any], dict[str, Any]], StackProgram], api_server: ApiServer, kubeconfig: Path
) -> None:
    program = new_traffic({}, TUTORIAL)
    try:
        assert set(counted(program.up())) == {"create"}
        assert [step for step in program.preview() if step.op != "read"] == []
        objects = [one["inputs"] for one in program.stored() if "spec" in one.get("inputs", {})]
        names = [f"{one['kind']} {one['metadata']['name']}" for one in objects]
        assert {"Deployment orders", "Deployment orders-v2"} <= set(names)
        routes = sorted(one for one in names if one.startswith(("VirtualService", "DestinationRule")))
        assert routes == ["DestinationRule orders", "VirtualService orders"]
        done = api_server.dry_run(objects, kubeconfig, "--force-conflicts")
        assert done.returncode == 0, done.stderr
        rule = next(one for one in objects if one["kind"] == "DestinationRule")["spec"]
        limits, outliers = rule["trafficPolicy"]["connectionPool"], rule["trafficPolicy"]["outlierDetection"]
        assert limits == {
            "tcp": {"maxConnections": 100},
            "http": {"http1MaxPendingRequests": 50, "http2MaxRequests": 100},
        }
        assert outliers == {
            "consecutive5xxErrors": 5,
            "interval": "30s",
            "baseEjectionTime": "30s",
            "maxEjectionPercent": 50,
        }
    finally:
        program.run("destroy", "--yes", "--skip-preview")
    assert program.resources() == []


def test_s1_3_linkerd_refuses_the_figures_and_plans_the_nearest(
    new_traffic: Callable[[dict[str, Any], dict[str, Any]], StackProgram],
) -> None:
    """Strict validation of these objects by the API server is in test_linkerd_dry_run.py."""
    mesh = linkerd_binding(LinkerdSettings()).model_dump(mode="json")
    program = new_traffic({"mesh": mesh}, TUTORIAL)
    refused = program.run("preview", check=False)
    assert refused.returncode != 0
    for place in ("fault.delay.percentage", "resilience.connections", "resilience.outliers.max_ejection_percent"):
        assert place in refused.stdout + refused.stderr
    program.run("config", "set", "policy", json.dumps(NEAREST))
    planned = Counter(step.place.partition(" ")[0] for step in program.preview() if step.op == "create")
    assert planned["Deployment"] == 3, "both versions, and the backend that waits and fails in their place"
    assert planned["HTTPRoute"] >= 1
