"""What root refuses to run because another user could change it: real files with real owners and modes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_embedded import root_only

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to other users")

OTHER = 65534


@pytest.fixture(autouse=True)
def _without_sudo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SUDO_UID", raising=False)


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A program two folders below, with a link to it beside."""
    file = tmp_path / "opt" / "bin" / "program"
    file.parent.mkdir(parents=True)
    file.touch(0o755)
    (tmp_path / "link").symlink_to(file)
    return file


def test_what_only_root_can_change_is_accepted(program: Path, tmp_path: Path) -> None:
    assert root_only.objection(program) is None
    assert root_only.objection(tmp_path / "link") is None
    root_only.require(tmp_path / "not" / "yet" / "there", remedy="do something")


@pytest.mark.parametrize("above", [0, 1, 2], ids=["file", "folder", "parent folder"])
def test_what_another_user_owns_is_refused(above: int, program: Path) -> None:
    place = (program, *program.parents)[above]
    os.chown(place, OTHER, 0)
    assert root_only.objection(program) == f"{place} belongs to nobody"


@pytest.mark.parametrize("is_folder", [False, True])
def test_what_everyone_can_write_is_refused(is_folder: bool, program: Path) -> None:  # noqa: FBT001
    (program.parent if is_folder else program).chmod(0o777)
    assert "is writable by everyone" in (root_only.objection(program) or "")


def test_a_group_counts_by_its_members(program: Path) -> None:
    program.chmod(0o775)
    assert root_only.objection(program) is None, "root's own group"
    os.chown(program, 0, OTHER)
    reason = root_only.objection(program) or ""
    assert "nobody" in reason.partition("is writable by ")[2].split(", ")


def test_the_folder_that_a_link_passes_counts(program: Path, tmp_path: Path) -> None:
    """Whoever owns the folder in the middle could point the link elsewhere."""
    middle = tmp_path / "middle"
    middle.mkdir()
    (middle / "hop").symlink_to(program)
    (tmp_path / "link").unlink()
    (tmp_path / "link").symlink_to("middle/hop")
    assert root_only.objection(tmp_path / "link") is None
    os.chown(middle, OTHER, 0)
    assert root_only.objection(program) is None
    assert f"{middle} belongs to nobody" in (root_only.objection(tmp_path / "link") or "")


def test_a_sticky_folder_is_accepted_but_not_a_file_of_another_user_in_it(program: Path) -> None:
    program.parent.chmod(0o1777)
    assert root_only.objection(program) is None
    os.chown(program, OTHER, 0)
    assert "belongs to nobody" in (root_only.objection(program) or "")


def test_an_ordinary_user_runs_what_that_user_can_change(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.chown(program, OTHER, 0)
    monkeypatch.setattr(os, "geteuid", lambda: OTHER)
    assert root_only.objection(program) is None


def test_the_user_who_called_sudo_counts_as_root(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.chown(program.parent, OTHER, 0)
    monkeypatch.setenv("SUDO_UID", str(OTHER))
    assert root_only.objection(program) is None
    monkeypatch.setenv("SUDO_UID", str(OTHER - 1))
    assert root_only.objection(program) == f"{program.parent} belongs to nobody"


def test_a_place_that_is_not_there_yet_is_judged_by_its_folder(tmp_path: Path) -> None:
    os.chown(tmp_path, OTHER, 0)
    with pytest.raises(CommandError, match=r"tools: root does not use it: .* belongs to nobody; name another"):
        root_only.require(tmp_path / "cache" / "tools", remedy="name another")
