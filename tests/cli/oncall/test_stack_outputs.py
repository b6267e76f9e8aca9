"""B10: the outputs of a stack on another cluster, read by the real Pulumi CLI from the backend that holds its state."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from otel_mesh_cli import clusters
from otel_mesh_cli.core import embedded
from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.oncall import stack_outputs
from otel_mesh_cli.oncall.stack_outputs import StackOutputs
from otel_mesh_cli.stacks import pulumi_cli
from otel_mesh_stack import outputs
from otel_mesh_stack.outputs import ServicePort
from otel_mesh_stack.services import CATALOG

if TYPE_CHECKING:
    from pathlib import Path

    from tests.built import Built

VALUES = {
    outputs.TELEMETRY: {"jaeger": {"namespace": "seeing", "name": "tracing", "port": 16686}},
    outputs.CATALOG: CATALOG.model_dump(mode="json"),
}


class Tools:
    """The real Pulumi CLI, for commands that look for programs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def folder(self, _names: object) -> Path:
        return self._folder


@pytest.fixture
def tools(built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The programs; states and folders are the test's own."""
    folder = built("pulumi")
    for name in ("PULUMI_ACCESS_TOKEN", "PULUMI_HOME", "PULUMI_CREDENTIALS_PATH", "PULUMI_CONFIG_PASSPHRASE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("OTEL_MESH_STATE", str(tmp_path / "state"))
    monkeypatch.setattr(embedded, "programs", lambda: Tools(folder))
    return folder


def deploy(tools: Path, values: dict[str, Any]) -> None:
    """Leave a state with outputs, as an update of stack ``dev`` does."""
    workspace = clusters.workspace(clusters.Request("dev", "there"))
    if workspace.backend is not None:
        workspace.backend.mkdir(exist_ok=True)
    project = pulumi_cli.make_project(workspace.project, workspace.changes)
    urn = "urn:pulumi:dev::otel-mesh::pulumi:pulumi:Stack::otel-mesh-dev"
    root = {"urn": urn, "custom": False, "type": "pulumi:pulumi:Stack", "outputs": values}
    state = project / "state.json"
    state.write_text(json.dumps({"version": 3, "deployment": {"manifest": {}, "resources": [root]}}))
    for words in (["stack", "init", "dev", "--no-select"], ["stack", "import", "--stack", "dev", "--file", str(state)]):
        done = pulumi_cli.run(workspace, tools, words)
        assert done.ok, done.stderr


def test_outputs_are_read_from_a_state_in_a_folder(tools: Path) -> None:
    with pytest.raises(CommandError, match="stack dev: not deployed, as far as the state in .* says; deploy it by"):
        stack_outputs.read("dev", None)
    deploy(tools, VALUES)
    found = stack_outputs.read("dev", None)
    assert found.catalog == CATALOG
    assert isinstance(found.telemetry.jaeger, ServicePort)
    assert (found.telemetry.jaeger.name, found.telemetry.jaeger.port) == ("tracing", 16686)
    assert found.telemetry.prometheus is None


def test_reading_leaves_the_project_folder_of_a_running_update_alone(tools: Path) -> None:
    deploy(tools, VALUES)
    project = clusters.workspace(clusters.Request("dev", "there")).project
    shutil.rmtree(project)
    assert stack_outputs.read("dev", None).values == VALUES
    assert not project.exists()


def test_outputs_are_read_from_the_user_s_own_backend(
    tools: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "passphrase").write_text("of the user's own")
    monkeypatch.setenv("PULUMI_BACKEND_URL", f"file://{tmp_path / 'mine'}")
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE_FILE", str(tmp_path / "passphrase"))
    with pytest.raises(CommandError, match="stack dev: its outputs cannot be read: .*no stack named 'dev' found"):
        stack_outputs.read("dev", None)
    deploy(tools, VALUES)
    assert list((tmp_path / "mine").glob(".pulumi/stacks/otel-mesh/dev.json"))
    assert stack_outputs.read("dev", None).values == VALUES


def test_outputs_of_another_version_are_refused_with_the_remedy() -> None:
    for values, reason in (
        ({}, "stack dev: has no output 'telemetry'"),
        ({"telemetry": {"jaeger": 1}}, "stack dev: output telemetry.jaeger: "),
        ({"telemetry": {"tempo": None}}, "stack dev: output telemetry.tempo: "),
    ):
        with pytest.raises(CommandError) as caught:
            _ = StackOutputs("dev", values).telemetry
        assert caught.value.message.startswith(reason)
        assert caught.value.remedy == "deploy this version: otel-mesh up --stack dev"
    with pytest.raises(CommandError, match="stack local: has no output 'catalog'; deploy this version: otel-mesh up$"):
        _ = StackOutputs("local", {}).catalog
