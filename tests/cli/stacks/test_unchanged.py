"""When an update may be left out: each thing that decides what it does is changed in turn."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from otel_mesh_cli.stacks import unchanged
from otel_mesh_cli.stacks.pulumi_cli import Workspace, project_name

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

STACK = "local"


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    folder = tmp_path / "tools"
    folder.mkdir()
    (folder / "pulumi").symlink_to(tmp_path / "pulumi-3.1")
    return folder


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.delenv("OTEL_MESH_RENDER_DIR", raising=False)
    for folder in (
        "project",
        "home/plugins/resource-kubernetes-v4",
        "secrets",
        f"backend/.pulumi/stacks/{project_name()}",
    ):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "project" / f"Pulumi.{STACK}.yaml").write_text("config: {}\n")
    (tmp_path / "secrets" / "password").write_text("hunter2")
    (tmp_path / "images.json").write_text("{}")
    variables = {
        "OTEL_MESH_SECRETS_DIR": str(tmp_path / "secrets"),
        "OTEL_MESH_IMAGES_FILE": str(tmp_path / "images.json"),
        "KUBECONFIG": str(tmp_path / "kubeconfig"),
    }
    made = Workspace(tmp_path, tmp_path / "backend", tmp_path / "logs", variables)
    state(made).write_text(json.dumps({"checkpoint": {"latest": {"resources": []}}}))
    return made


def state(workspace: Workspace) -> Path:
    file = workspace.state_file(STACK)
    assert file is not None
    return file


def change_settings(workspace: Workspace) -> None:
    (workspace.project / f"Pulumi.{STACK}.yaml").write_text("config: {a: 1}\n")


def change_secret(workspace: Workspace) -> None:
    (workspace.folder / "secrets" / "password").write_text("other pw")


def change_images(workspace: Workspace) -> None:
    (workspace.folder / "images.json").write_text('{"jaeger": "jaeger:2"}')


def change_plugin(workspace: Workspace) -> None:
    (workspace.home / "plugins" / "resource-kubernetes-v5").mkdir()


def change_program(workspace: Workspace) -> None:
    path = workspace.folder / "tools" / "pulumi"
    path.unlink()
    path.symlink_to(workspace.folder / "pulumi-3.2")


@pytest.mark.parametrize(
    "change",
    [change_settings, change_secret, change_images, change_plugin, change_program],
    ids=lambda one: one.__name__,
)
def test_everything_that_decides_an_update_changes_its_fingerprint(
    workspace: Workspace, tools: Path, change: Callable[[Workspace], None]
) -> None:
    before = unchanged.fingerprint(workspace, STACK, tools)
    assert unchanged.fingerprint(workspace, STACK, tools) == before
    change(workspace)
    assert unchanged.fingerprint(workspace, STACK, tools) != before


def test_the_stack_s_program_and_the_user_s_variables_count(
    workspace: Workspace, tools: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = unchanged.fingerprint(workspace, STACK, tools)
    monkeypatch.setenv("OTEL_MESH_PORT_GATEWAY", "1234")
    assert unchanged.fingerprint(workspace, STACK, tools) != before
    monkeypatch.undo()
    own = tmp_path / "own"
    (own / "own_program").mkdir(parents=True)
    source = own / "own_program" / "__init__.py"
    source.write_text("a = 1\n")
    monkeypatch.syspath_prepend(own)
    monkeypatch.setattr(unchanged, "_PROGRAM", ("own_program",))
    first = unchanged.fingerprint(workspace, STACK, tools)
    source.write_text("a = 2\n")
    assert unchanged.fingerprint(workspace, STACK, tools) != first


def test_an_update_is_left_out_only_after_one_that_succeeded_and_where_nothing_was_written_since(
    workspace: Workspace,
) -> None:
    assert not unchanged.is_recorded(workspace, STACK, "a", "objects")
    unchanged.remember(workspace, STACK, "a", "objects")
    assert unchanged.is_recorded(workspace, STACK, "a", "objects")
    assert not unchanged.is_recorded(workspace, STACK, "b", "objects")
    assert not unchanged.is_recorded(workspace, STACK, "a", "others"), "somebody wrote to an object"
    assert not unchanged.is_recorded(workspace, STACK, "a", None), "an object is missing"
    state(workspace).write_text("{}")
    assert not unchanged.is_recorded(workspace, STACK, "a", "objects"), "somebody else updated the stack"
    unchanged.remember(workspace, STACK, "a", "objects")
    unchanged.forget(workspace, STACK)
    assert not unchanged.is_recorded(workspace, STACK, "a", "objects")
    unchanged.remember(workspace, STACK, "a", None)
    assert not unchanged.is_recorded(workspace, STACK, "a", None)


def test_the_record_holds_no_secret(workspace: Workspace, tools: Path) -> None:
    unchanged.remember(workspace, STACK, unchanged.fingerprint(workspace, STACK, tools), "objects")
    (record,) = workspace.folder.glob("unchanged-*.json")
    assert "hunter2" not in record.read_text()
    assert set(json.loads(record.read_text())) == {"inputs", "state", "objects"}


def test_a_stack_whose_state_is_elsewhere_is_never_recorded(tmp_path: Path) -> None:
    elsewhere = Workspace(tmp_path, None, tmp_path, {})
    unchanged.remember(elsewhere, STACK, "a", "objects")
    assert not unchanged.is_recorded(elsewhere, STACK, "a", "objects")
    assert not list(tmp_path.iterdir())
