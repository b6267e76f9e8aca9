"""What is asked for another cluster, and where its state goes. With a cluster: tests/e2e/test_other_cluster.py."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import yaml

from otel_mesh_cli import main as command
from otel_mesh_cli.clusters import Request, state
from otel_mesh_cli.clusters.stack_images import images_of
from otel_mesh_cli.clusters.state import location, own_backend, record, workspace
from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.paths import repo_dir, stacks_dir, state_dir
from otel_mesh_cli.stacks import pulumi_cli
from otel_mesh_embedded.node.workspace import local
from otel_mesh_stack.model import LoadSettings

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_MESH_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    for name in ("PULUMI_BACKEND_URL", "PULUMI_HOME", "PULUMI_ACCESS_TOKEN", "PULUMI_CREDENTIALS_PATH"):
        monkeypatch.delenv(name, raising=False)
    for name in ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE", "OTEL_MESH_IMAGES_FILE"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "kubeconfig").write_text(json.dumps({"contexts": [{"name": "there"}]}))


@pytest.mark.parametrize(
    ("request_", "told_", "remedy"),
    [
        (Request("local", "there"), "stack local: belongs to the embedded", "--stack dev"),
        (Request("nowhere", "there"), "stack 'nowhere'", "dev"),
        (Request("dev", "their"), "Pulumi.dev.yaml: cluster.context: no context 'their'", "did you mean 'there'?"),
        (Request("dev"), "Pulumi.dev.yaml: cluster.context: no context 'otel-mesh-dev'", ""),
        (Request("dev", "there", images="local", base_image="python:3.11"), "--base-image", "one of them"),
        (Request("dev", "there", images="local", builder="docker"), "--builder docker", "one of them"),
    ],
)
def test_what_cannot_be_is_refused(request_: Request, told_: str, remedy: str) -> None:
    with pytest.raises(CommandError) as caught:
        request_.settings()
    assert caught.value.message.startswith(told_)
    assert remedy in caught.value.remedy
    assert not stacks_dir().exists()


def test_the_context_that_is_asked_for_takes_the_place_of_the_file_s(tmp_path: Path) -> None:
    asked = Request("dev", "there")
    assert asked.settings().cluster.context == "there"
    made = pulumi_cli.make_project(tmp_path / "project", workspace(asked).changes)
    settings = {
        name: yaml.safe_load((made / f"Pulumi.{name}.yaml").read_text())["config"]["otel-mesh:settings"]
        for name in ("dev", "prod")
    }
    assert settings["dev"]["cluster"] == {"context": "there", "name": "otel-mesh-dev"}
    assert settings["prod"]["cluster"]["context"] == "otel-mesh-prod"
    original = yaml.safe_load((repo_dir() / "Pulumi.dev.yaml").read_text())["config"]["otel-mesh:settings"]
    assert {**settings["dev"], "cluster": original["cluster"]} == original


def test_only_images_that_the_stack_runs_are_made() -> None:
    assert Request("dev", "there").settings().grafana is not None
    settings = Request("dev", "there", images="local").settings()
    assert settings.grafana is None  # no program of it is to be had here
    assert settings.load_generator is None
    plain = {"otel-collector", "jaeger", "victoria-logs", "prometheus", "postgres", "redis"}
    plain |= {"api-gateway", "order-service", "payment-service", "user-service"}
    assert set(images_of(settings)) == plain | {"istio-pilot", "istio-proxyv2", "istio-install-cni"}
    without = settings.model_copy(update={"mesh": settings.mesh.model_copy(update={"kind": "none"})})
    assert set(images_of(without)) == plain
    loaded = without.model_copy(update={"load_generator": LoadSettings()})
    assert set(images_of(loaded)) == {*plain, "load-generator"}


def test_without_a_login_the_state_is_kept_beside_the_local_one_and_outlives_it() -> None:
    made = workspace(Request("dev", "there"))
    assert made.backend == stacks_dir() / "backend"
    assert state_dir() not in made.backend.parents
    assert str(made.backend) in location(made)
    passphrase = stacks_dir() / "pulumi-passphrase"
    assert made.variables["PULUMI_CONFIG_PASSPHRASE_FILE"] == str(passphrase)
    assert passphrase.stat().st_mode & 0o777 == 0o600
    assert stacks_dir().stat().st_mode & 0o777 == 0o700
    before = passphrase.read_text()
    workspace(Request("dev", "there"))
    assert passphrase.read_text() == before


def test_a_login_of_the_user_s_own_is_used(tmp_path: Path) -> None:
    folder = tmp_path / "home" / ".pulumi"
    folder.mkdir(parents=True)
    (folder / "credentials.json").write_text(json.dumps({"current": "https://ada:secret@pulumi.example.com"}))
    made = workspace(Request("dev", "there"))
    assert made.backend is None
    assert made.variables["PULUMI_CREDENTIALS_PATH"] == str(folder)
    assert made.variables["PULUMI_HOME"] != str(folder), "the user's plugins are left alone"
    assert "PULUMI_CONFIG_PASSPHRASE_FILE" not in made.variables
    assert location(made) == "in your own backend https://pulumi.example.com"


@pytest.mark.parametrize(
    ("environment", "backend"),
    [
        ({"PULUMI_BACKEND_URL": "s3://bucket", "PULUMI_ACCESS_TOKEN": "x"}, "s3://bucket"),
        ({"PULUMI_ACCESS_TOKEN": "x"}, "https://api.pulumi.com"),
        ({}, None),
        ({"PULUMI_HOME": "/nonexistent"}, None),
    ],
)
def test_whose_backend(environment: dict[str, str], backend: str | None) -> None:
    assert own_backend(environment) == backend


@pytest.mark.parametrize("content", ["", "null", "[]", "{}", '{"current": ""}', '{"accessTokens": {}}'])
def test_credentials_that_say_nothing_are_no_login(content: str, tmp_path: Path) -> None:
    (tmp_path / "credentials.json").write_text(content)
    assert own_backend({"PULUMI_HOME": str(tmp_path)}) is None


def test_a_backend_that_encrypts_by_passphrase_needs_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_BACKEND_URL", "s3://bucket")
    with pytest.raises(CommandError, match="passphrase, and none is set"):
        workspace(Request("dev", "there"))
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE_FILE", "/somewhere")
    assert workspace(Request("dev", "there")).variables["PULUMI_BACKEND_URL"] == "s3://bucket"


def test_what_make_env_exported_belongs_to_the_embedded_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in local().variables.items():
        if name != "KUBECONFIG":
            monkeypatch.setenv(name, value)
    made = workspace(Request("dev", "there"))
    assert made.backend == stacks_dir() / "backend"
    assert made.variables["OTEL_MESH_IMAGES_FILE"] == str(stacks_dir() / "dev" / "images.json")


def test_an_image_file_of_the_user_s_own_is_used_but_never_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OTEL_MESH_IMAGES_FILE", str(tmp_path / "mine.json"))
    assert workspace(Request("dev", "there")).variables["OTEL_MESH_IMAGES_FILE"] == str(tmp_path / "mine.json")
    pushing = workspace(Request("dev", "there", "registry.example.com"))
    record(pushing, {"jaeger": "registry.example.com/jaeger:1"}, {"postgres": {"version": "15"}})
    assert pushing.variables["OTEL_MESH_IMAGES_FILE"] == str(stacks_dir() / "dev" / "images.json")
    assert not (tmp_path / "mine.json").exists()


def test_what_follows_from_the_images_is_kept_for_later_commands() -> None:
    record(workspace(Request("dev", "there", "r.example")), {}, {"postgres": {"version": "15"}})
    later = workspace(Request("dev", "there"))
    assert later.changes == {"dev": {"postgres": {"version": "15"}, "cluster": {"context": "there"}}}


def test_our_passphrase_file_is_not_overruled_by_a_passphrase_of_the_user_s(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "theirs")
    assert "PULUMI_CONFIG_PASSPHRASE" not in workspace(Request("dev", "there")).environment(tmp_path)
    assert "PULUMI_CONFIG_PASSPHRASE" in state.user_environment()


@pytest.mark.parametrize("words", [["down", "--stack", "dev"], ["up", "--context", "there"], ["up", "--stack", "dev"]])
def test_commands_on_another_cluster_refuse_in_one_line(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("otel-mesh: ")
    assert "; " in line
