from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_embedded.node.machine import cgroups

if TYPE_CHECKING:
    from pathlib import Path

V1 = """\
cgroup /sys/fs/cgroup/memory cgroup rw,relatime,memory 0 0
cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,relatime,cpu,cpuacct 0 0
cgroup2 /sys/fs/cgroup/unified cgroup2 rw,relatime 0 0
tmpfs /run tmpfs rw 0 0
"""
V2 = "cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid,nodev,noexec,relatime,nsdelegate 0 0\n"


@pytest.mark.parametrize(("mounts", "unified"), [(V1, False), (V2, True)])
def test_the_cgroup_version_is_told_from_the_mounts(mounts: str, *, unified: bool) -> None:
    trees = cgroups.hierarchies(mounts)
    assert cgroups.is_unified(trees) is unified
    assert {tree.version for tree in trees} == ({2} if unified else {1, 2})


def mounted(folder: Path, monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    (folder / "mounts").write_text("".join(f"{line}\n" for line in lines))
    monkeypatch.setattr(cgroups, "_MOUNTS", folder / "mounts")


@pytest.fixture
def unified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tree of version 2 in which every controller is offered and none is on."""
    tree = tmp_path / "cgroup"
    for folder in (tree, tree / "otel-mesh", tree / "otel-mesh" / "kubepods" / "pod1" / "c1"):
        folder.mkdir(parents=True)
        (folder / "cgroup.controllers").write_text("cpu memory\n")
        (folder / "cgroup.subtree_control").write_text("cpu\n")
    mounted(tmp_path, monkeypatch, f"cgroup2 {tree} cgroup2 rw,nosuid 0 0")
    return tree


def test_version_2_hands_its_controllers_down(unified: Path) -> None:
    cgroups.prepare()
    for folder in (unified, unified / "otel-mesh"):
        assert (folder / "cgroup.subtree_control").read_text() == "+memory"


def test_version_2_takes_a_program_in_one_place(unified: Path) -> None:
    cgroups.join(4711)
    assert (unified / "otel-mesh" / "node" / "cgroup.procs").read_text() == "4711"
    (unified / "otel-mesh" / "memory.current").write_text("1048576\n")
    assert cgroups.memory() == 1048576


def test_only_what_is_in_containers_counts_as_pods(unified: Path) -> None:
    cgroups.join(4711)
    (unified / "otel-mesh" / "kubepods" / "pod1" / "c1" / "cgroup.procs").write_text("12\n13\n")
    assert cgroups.pods() == {12, 13}


def test_version_1_is_joined_where_it_counts_and_cpusets_are_filled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = []
    for name in ("memory", "cpuset", "freezer"):
        (tmp_path / name).mkdir()
        lines.append(f"cgroup {tmp_path / name} cgroup rw,{name} 0 0")
    (tmp_path / "unified").mkdir()
    mounted(tmp_path, monkeypatch, *lines, f"cgroup2 {tmp_path / 'unified'} cgroup2 rw 0 0")
    cpuset = tmp_path / "cpuset"
    (cpuset / "otel-mesh").mkdir()
    for name, value in (("cpuset.cpus", "0-1\n"), ("cpuset.mems", "0\n")):
        (cpuset / name).write_text(value)
        (cpuset / "otel-mesh" / name).write_text("\n")
    cgroups.prepare()
    assert (cpuset / "otel-mesh" / "cpuset.cpus").read_text() == "0-1\n"
    cgroups.join(4711)
    joined = sorted(path.relative_to(tmp_path).parts[0] for path in tmp_path.glob("*/otel-mesh/node/cgroup.procs"))
    assert joined == ["memory"]
    assert not (tmp_path / "unified" / "otel-mesh").exists()


def test_a_machine_without_cgroups_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounted(tmp_path, monkeypatch, "tmpfs /run tmpfs rw 0 0")
    with pytest.raises(CommandError, match="cgroups: none is mounted"):
        cgroups.prepare()


def test_a_branch_that_cannot_be_made_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounted(tmp_path, monkeypatch, f"cgroup {tmp_path / 'absent'} cgroup rw,memory 0 0")
    with pytest.raises(CommandError, match=r"cgroup .*/absent/otel-mesh: cannot be made: No such file or directory"):
        cgroups.prepare()
