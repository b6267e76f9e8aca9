"""B6: an update with a configuration that its program refuses is refused before any resource."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from otel_mesh_cli.core import embedded
from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.stacks import definitions, pulumi_cli, recovery, update
from otel_mesh_cli.stacks.declared import declared
from otel_mesh_cli.validation import before_update
from otel_mesh_cli.validation.configurations import PROGRAMS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.built import Built

STACK = "prod"


@pytest.fixture
def workspace(tmp_path: Path, built: Built, monkeypatch: pytest.MonkeyPatch) -> pulumi_cli.Workspace:
    """A workspace of a stack one of whose configurations is broken; no command of the CLI changes anything."""
    built(*PROGRAMS)

    def broken(stack: str, config: Mapping[str, Any], variables: Mapping[str, str]) -> list[dict[str, Any]]:
        made = declared(stack, config, variables)
        (one,) = (one for one in made if (one["kind"], one["metadata"]["name"]) == ("ConfigMap", "jaeger"))
        one["data"]["config.yaml"] = one["data"]["config.yaml"].replace("badger:", "badgr:")
        return made

    monkeypatch.setattr("otel_mesh_cli.validation.before_update.declared", broken)
    made = pulumi_cli.Workspace(tmp_path, None, tmp_path / "logs", {})
    pulumi_cli.make_project(made.project)
    return made


@pytest.fixture
def _no_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(embedded.programs(), "folder", lambda *_: tmp_path)
    monkeypatch.setattr(pulumi_cli, "ensure_stack", lambda *_: None)
    monkeypatch.setattr(recovery, "settle", lambda *_: None)
    monkeypatch.setattr(definitions, "_resources", lambda *_: [])

    def called(*_: object, **__: object) -> None:
        pytest.fail("the engine ran")

    monkeypatch.setattr(update, "_run", called)
    monkeypatch.setattr(pulumi_cli, "call", called)


def test_b6_the_refusal_names_object_field_program_and_message(workspace: pulumi_cli.Workspace) -> None:
    said: list[str] = []
    with pytest.raises(CommandError) as refused:
        before_update.refuse_broken(workspace, STACK, said.append)
    told = str(refused.value)
    assert told.startswith(
        'stack prod: ConfigMap observability/jaeger: data["config.yaml"]: jaeger refuses it: failed to get config: '
    )
    assert "has invalid keys: badgr\n  nothing was done; correct the setting that makes it" in told
    assert said == []


@pytest.mark.usefixtures("_no_engine")
def test_b6_up_is_refused_before_the_engine_runs(workspace: pulumi_cli.Workspace, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="jaeger refuses it"):
        update.up(workspace, STACK, tmp_path, print)


@pytest.mark.usefixtures("_no_engine")
@pytest.mark.parametrize("words", [["up"], ["up", "--yes"], ["update"]])
def test_b6_the_pulumi_clis_own_up_is_refused_too(words: list[str], workspace: pulumi_cli.Workspace) -> None:
    with pytest.raises(CommandError, match="jaeger refuses it"):
        definitions.call(workspace, STACK, words)
