from __future__ import annotations

from typing import TYPE_CHECKING

import psutil
import pytest

from otel_mesh_embedded.node.machine import memory
from otel_mesh_embedded.node.machine.cgroups import Hierarchy

if TYPE_CHECKING:
    from pathlib import Path

GIB = 1 << 30


def _group(folder: Path, limit: tuple[str, str], usage: tuple[str, int], stat: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / limit[0]).write_text(f"{limit[1]}\n")
    (folder / usage[0]).write_text(f"{usage[1]}\n")
    (folder / "memory.stat").write_text(stat)


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that names the cgroups of this process."""
    file = tmp_path / "own"
    monkeypatch.setattr(memory, "_OWN", file)
    return file


def test_a_limit_of_version_1_counts_less_what_is_used_and_cannot_be_freed(
    own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("memory.limit_in_bytes",), ("memory.usage_in_bytes",)
    _group(tmp_path / "memory", (*names[0], "9223372036854771712"), (*names[1], 7 * GIB), "total_inactive_file 0\n")
    files = f"total_inactive_file {GIB // 4}\ntotal_active_file {3 * GIB // 4}"
    stat = f"cache 1\n{files}\ninactive_file 5\nactive_file 5\n"
    _group(tmp_path / "memory" / "ci" / "job", (*names[0], str(GIB // 2)), (*names[1], GIB), stat)
    _group(tmp_path / "memory" / "ci", (*names[0], "9223372036854771712"), (*names[1], GIB), stat)
    trees = (
        Hierarchy(tmp_path / "memory", 1, frozenset({"rw", "memory"})),
        Hierarchy(tmp_path / "cpu", 1, frozenset({"cpu"})),
    )
    monkeypatch.setattr(memory, "hierarchies", lambda: trees)
    own.write_text("5:cpu:/ci\n4:memory:/ci/job\n0::/\n")
    assert memory.available() == GIB // 2


def test_the_smallest_limit_of_version_2_on_the_way_up_counts(
    own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("memory.max",), ("memory.current",)
    (tmp_path / "unified").mkdir()  # the root of version 2 has no such files
    _group(tmp_path / "unified" / "a", (*names[0], str(GIB)), (*names[1], GIB // 4), "inactive_file 0\n")
    _group(tmp_path / "unified" / "a" / "b", (*names[0], "max"), (*names[1], GIB // 4), "inactive_file 0\n")
    monkeypatch.setattr(memory, "hierarchies", lambda: (Hierarchy(tmp_path / "unified", 2, frozenset({"rw"})),))
    own.write_text("0::/a/b\n")
    assert memory.available() == 3 * GIB // 4


def test_without_a_limit_it_is_the_machines() -> None:
    assert 0 < memory.available() <= psutil.virtual_memory().total
