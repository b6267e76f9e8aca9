"""Programs of the user's own, where the distribution otel-mesh-embedded is not installed."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

import pytest

from otel_mesh_cli.core import embedded
from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.path_programs import PROVIDER, PathPrograms

if TYPE_CHECKING:
    from pathlib import Path

ENGINE = ("pulumi", "pulumi-language-python", "pulumi-language-python-exec")
PLUGIN = f"plugins/resource-kubernetes-v{version('pulumi-kubernetes')}/{PROVIDER}"


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder of PATH; the user's other folders are empty."""
    folder = tmp_path / "path"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("OTEL_MESH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.delenv("PULUMI_HOME", raising=False)
    return folder


def program(file: Path, script: str = "exit 0") -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return file


def test_without_the_distribution_programs_come_from_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "find", lambda: None)
    assert isinstance(embedded.programs(), PathPrograms)
    assert embedded.charts() is None
    with pytest.raises(CommandError, match="stack local: needs the distribution otel-mesh-embedded"):
        embedded.local()


def test_a_folder_links_to_what_path_has(path: Path) -> None:
    for name in (*ENGINE, "kubectl"):
        program(path / name)
    said: list[str] = []
    folder = PathPrograms().folder(["engine", "kubectl"], said.append)
    assert {one.name: one.readlink() for one in folder.iterdir()} == {
        name: path / name for name in (*ENGINE, "kubectl")
    }
    assert said == [f"programs from PATH: {', '.join(ENGINE)}, kubectl"]
    assert PathPrograms().folder(["engine", "kubectl"]) == folder, "the same programs, the same folder"


def test_what_is_present_is_told_without_what_is_not(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = program(path / "promtool")
    assert PathPrograms().available(["promtool", "amtool"]) == {"promtool": file}
    monkeypatch.setattr(embedded, "find", lambda: None)
    assert embedded.absent_program("amtool") == "amtool is not on PATH: install it there"


@pytest.mark.parametrize(
    ("names", "missing", "place"),
    [
        (["engine"], "pulumi", "https://www.pulumi.com/docs/install"),
        (["kubectl"], "kubectl", "https://kubernetes.io/docs/tasks/tools"),
        (["skopeo"], "skopeo", "your distribution"),
    ],
)
@pytest.mark.usefixtures("path")
def test_a_missing_program_is_named_with_its_installer(names: list[str], missing: str, place: str) -> None:
    with pytest.raises(CommandError) as refused:
        PathPrograms().folder(names)
    assert str(refused.value) == f"program {missing}: not on PATH; install it from {place}"


def test_the_plugin_is_linked_from_path_or_the_users_plugins(path: Path, tmp_path: Path) -> None:
    on_path = program(path / PROVIDER)
    PathPrograms().install_plugin(tmp_path / "first")
    assert (tmp_path / "first" / PLUGIN).readlink() == on_path
    own = program(tmp_path / "user" / ".pulumi" / PLUGIN)
    PathPrograms().install_plugin(tmp_path / "second")
    assert (tmp_path / "second" / PLUGIN).readlink() == own, "the version that the SDK needs comes first"
    PathPrograms().install_plugin(tmp_path / "first")
    assert (tmp_path / "first" / PLUGIN).readlink() == on_path, "an installed plugin stays"


def test_else_the_cli_installs_the_plugin(path: Path, tmp_path: Path) -> None:
    program(path / "pulumi", 'echo "$PULUMI_HOME $*" > "$HOME.called"')
    PathPrograms().install_plugin(tmp_path / "home")
    number = version("pulumi-kubernetes")
    called = (tmp_path / "user.called").read_text()
    assert called == f"{tmp_path}/home plugin install resource kubernetes v{number}\n"
    program(path / "pulumi", 'echo "error: no route to host" >&2; exit 255')
    with pytest.raises(CommandError) as refused:
        PathPrograms().install_plugin(tmp_path / "home")
    assert str(refused.value) == (
        f"Pulumi plugin kubernetes v{number}: error: no route to host; "
        f"install it by hand: pulumi plugin install resource kubernetes v{number}"
    )
