from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.paths import repo_dir
from otel_mesh_embedded.node.layout import Layout
from otel_mesh_embedded.node.machine import preflight, state_folder
from otel_mesh_embedded.node.machine.facts import Facts
from otel_mesh_embedded.node.node import assemble


def environment(folder: Path) -> Path:
    state_folder.mark(folder)
    for name in ("node", "volumes", "secrets"):
        (folder / name).mkdir()
    (folder / "kubeconfig").touch()
    (folder / ".images.json.x7f").touch()  # its writer was killed
    return folder


def test_an_environments_folder_may_be_removed(tmp_path: Path) -> None:
    state_folder.check(environment(tmp_path / "state"))


def test_a_folder_with_something_else_in_it_is_never_marked(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    state_folder.mark(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]
    with pytest.raises(CommandError, match=r"has no file \.otel-mesh-state"):
        state_folder.check(tmp_path)


def test_what_came_into_a_marked_folder_later_is_named(tmp_path: Path) -> None:
    folder = environment(tmp_path / "state")
    (folder / "thesis.tex").touch()
    with pytest.raises(CommandError, match=r"holds thesis\.tex, which no environment made; move that elsewhere"):
        state_folder.check(folder)


@pytest.mark.parametrize("folder", [Path("/"), Path.home(), repo_dir(), repo_dir().parent])
def test_root_home_and_checkout_are_never_removed(folder: Path) -> None:
    with pytest.raises(CommandError, match="not only this environment's"):
        state_folder.check(folder)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    environment(tmp_path / "state")
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "state")
    with pytest.raises(CommandError, match="a link; set OTEL_MESH_STATE to"):
        state_folder.check(link)


def test_the_command_refuses_in_one_line_and_touches_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "thesis.tex").touch()
    monkeypatch.setenv("OTEL_MESH_STATE", str(tmp_path))
    # as root of a namespace of its own: the right to do it is not what is missing; with a machine's lock of its own
    alone = (
        "unshare",
        "--user",
        "--map-root-user",
        "--mount",
        "sh",
        "-c",
        'mount -t tmpfs lock /run && exec "$@"',
        "sh",
    )
    command = (*alone, sys.executable, "-m", "otel_mesh_cli", "down", "--purge")
    done = subprocess.run(command, cwd=repo_dir(), capture_output=True, text=True, check=False)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert f"state folder {tmp_path}" in line
    assert (tmp_path / "thesis.tex").exists()


def trusted(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / "parent" / "state")
    layout.make_folders()
    return layout


def test_a_folder_that_only_its_owner_can_change_may_be_run_from(tmp_path: Path) -> None:
    assert state_folder.untrusted(trusted(tmp_path), os.geteuid()) == ""


@pytest.mark.parametrize("name", ["", "node", "node/bin", "node/config", "node/processes", "node/cni/bin"])
def test_a_folder_that_others_can_write_to_is_named(tmp_path: Path, name: str) -> None:
    layout = trusted(tmp_path)
    (layout.state / name).chmod(0o720)
    assert state_folder.untrusted(layout, os.geteuid()) == f"{layout.state / name}: writable by others than root"


def test_a_folder_of_somebody_else_is_named(tmp_path: Path) -> None:
    layout = trusted(tmp_path)
    assert state_folder.untrusted(layout, os.geteuid() + 1) == f"{layout.state}: owned by uid {os.geteuid()}"
    assert "and root runs what is there" in str(preflight.problems(Facts(untrusted="/srv: owned by uid 7"))[0])


def test_a_parent_that_others_can_write_to_is_named_unless_it_is_sticky(tmp_path: Path) -> None:
    layout = trusted(tmp_path)
    layout.state.parent.chmod(0o777)
    assert state_folder.untrusted(layout, os.geteuid()) == f"{layout.state.parent}: writable by others than root"
    layout.state.parent.chmod(0o1777)
    assert state_folder.untrusted(layout, os.geteuid()) == ""


def test_nothing_is_run_from_a_folder_that_others_can_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layout = trusted(tmp_path)
    monkeypatch.setattr(state_folder, "untrusted", lambda _: f"{layout.bin}: owned by uid 7")
    with pytest.raises(CommandError, match=r"node/bin: owned by uid 7, and root runs what is there; `chown -R root: "):
        assemble(layout, built=False)
