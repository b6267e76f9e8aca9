from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.paths import repo_dir
from otel_mesh_embedded.node.machine import state_folder


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
