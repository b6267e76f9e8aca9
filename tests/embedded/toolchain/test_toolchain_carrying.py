"""Built programs in one file, and every way in which such a file can be wrong; nothing is taken over from it then."""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import io
import json
import subprocess
import tarfile
from typing import TYPE_CHECKING, Any

import pytest

from otel_mesh_cli import main as commands
from otel_mesh_cli.core.errors import CommandError
from otel_mesh_embedded.toolchain import artefacts, carrying, folder, golang

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from otel_mesh_embedded.toolchain import Build

pytestmark = pytest.mark.usefixtures("own_cache")

CONTENT = b"a program\n" * 1000
NAME = "hello/v1.2.3-0123456789ab/hello"


def packed(file: Path, programs: dict[str, bytes], **listed: Any) -> Path:  # noqa: ANN401 - any JSON value
    """A file as `carrying.export` writes it, with something else in its list where a test wants that."""
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in programs.items()}
    contents = {"format": 1, "go": golang.find().name, "files": digests, **listed}
    with tarfile.open(file, "w:gz") as tar:
        for name, content in {"contents.json": json.dumps(contents).encode(), **programs}.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return file


def taken_over() -> list[Path]:
    """Programs in the cache."""
    return [path for path in artefacts.tools_dir().glob("[!.]*/*/*") if path.is_file()]


def refused(file: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """The one line by which the command refuses a file."""
    assert commands.main(["node", "toolchain", "--import", str(file)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"otel-mesh: {file}: ")
    assert taken_over() == []
    assert [path for path in artefacts.tools_dir().glob("*") if path.name != ".locks"] == []
    return line


@pytest.fixture
def exported(small_build: Build, tmp_path: Path) -> Path:
    file = tmp_path / "programs.tar.gz"
    assert carrying.export(file, ["hello"], builds=[small_build]) == 1
    return file


def test_what_one_machine_built_another_one_runs(
    exported: Path, small_build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = artefacts.path("hello", small_build, golang.find()).read_bytes()
    monkeypatch.setenv("OTEL_MESH_CACHE", str(tmp_path / "another"))
    assert taken_over() == []
    assert carrying.import_(exported) == 1
    assert artefacts.path("hello", small_build, golang.find()).read_bytes() == here
    assert carrying.import_(exported) == 0, "it is here already"
    tools = folder(["hello"], builds=[small_build])
    assert subprocess.run([tools / "hello"], capture_output=True, text=True, check=True).stdout == "1.2.3\n"
    assert not (tmp_path / "another" / "logs").exists(), "nothing was built"


def test_the_same_programs_make_the_same_file(exported: Path, small_build: Build, tmp_path: Path) -> None:
    again = tmp_path / "again" / "programs.tar.gz"
    again.parent.mkdir()
    carrying.export(again, ["hello"], builds=[small_build])
    assert gzip.decompress(again.read_bytes()) == gzip.decompress(exported.read_bytes())
    assert [path.name for path in again.parent.iterdir()] == [again.name]


def test_the_command_says_how_many_it_took(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = packed(tmp_path / "programs.tar.gz", {NAME: CONTENT})
    assert commands.main(["node", "toolchain", "--import", str(file)]) == 0
    assert capsys.readouterr().out == f"{file}: 1 programs that were not here before\n"
    (kept,) = taken_over()
    assert kept.read_bytes() == CONTENT
    assert kept.stat().st_mode & 0o777 == 0o755


def test_a_flipped_byte_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = bytes([CONTENT[0] ^ 1]) + CONTENT[1:]
    digest = hashlib.sha256(CONTENT).hexdigest()
    file = packed(tmp_path / "programs.tar.gz", {NAME: other}, files={NAME: digest})
    assert f"{NAME} has another hash than the one it lists; export it again" in refused(file, capsys)


@pytest.mark.parametrize("place", [0.1, 0.5, 0.9])
def test_a_byte_flipped_on_the_way_is_refused(
    place: float, exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OTEL_MESH_CACHE", str(tmp_path / "another"))
    content = bytearray(exported.read_bytes())
    content[int(place * len(content))] ^= 1
    exported.write_bytes(content)
    assert "damaged, or not from `otel-mesh node toolchain --export`" in refused(exported, capsys)


@pytest.mark.parametrize("kept", [0, 1, 200, 5000])
def test_a_truncated_file_is_refused(
    kept: int, exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OTEL_MESH_CACHE", str(tmp_path / "another"))
    assert exported.stat().st_size > 5000
    exported.write_bytes(exported.read_bytes()[:kept])
    assert "damaged" in refused(exported, capsys)


@pytest.mark.parametrize(
    "name", ["../../../escaped", "hello/../escaped", "/escaped/by/root", "hello/hello", "a/b/c/d", "a//c", "..", ""]
)
def test_a_path_that_leaves_the_cache_is_refused(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = packed(tmp_path / "programs.tar.gz", {name: CONTENT})
    assert "it names places outside the cache" in refused(file, capsys)
    assert not list(tmp_path.rglob("*escaped*"))


def link_to_elsewhere(member: tarfile.TarInfo) -> None:
    member.type, member.linkname, member.size = tarfile.SYMTYPE, "/etc/passwd", 0


def unlisted(member: tarfile.TarInfo) -> None:
    member.name = "other/v1.0.0-0123456789ab/other"


@pytest.mark.parametrize("change", [link_to_elsewhere, unlisted])
def test_what_the_list_does_not_name_is_refused(
    change: Callable[[tarfile.TarInfo], None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = packed(tmp_path / "whole.tar.gz", {NAME: CONTENT})
    file = tmp_path / "programs.tar.gz"
    with tarfile.open(whole) as source, tarfile.open(file, "w:gz") as target:
        for member in source.getmembers():
            stream = source.extractfile(member)
            if member.name == NAME:
                change(member)
            target.addfile(member, stream)
    assert "is not listed in it" in refused(file, capsys)


@pytest.mark.parametrize(
    ("listed", "because"),
    [
        ({"go": "go1.1-x86_64"}, "built with go1.1-x86_64, but this machine has go"),
        ({"format": 2}, "its list of contents has another format"),
        ({"files": []}, "its list of contents has another format"),
        ({"files": {NAME: "", "other/v1/other": ""}}, "has another hash"),
    ],
)
def test_a_list_of_another_kind_is_refused(
    listed: dict[str, Any], because: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert because in refused(packed(tmp_path / "programs.tar.gz", {NAME: CONTENT}, **listed), capsys)


def test_listed_programs_that_are_missing_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = packed(tmp_path / "programs.tar.gz", {}, files={NAME: hashlib.sha256(CONTENT).hexdigest()})
    assert "1 programs that it lists are missing" in refused(file, capsys)


@pytest.mark.parametrize(
    "content",
    [b"", b"no archive", gzip.compress(b""), gzip.compress(b"no archive" * 200)],
    ids=["empty", "text", "nothing compressed", "text compressed"],
)
def test_another_file_is_refused(content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "programs.tar.gz"
    file.write_bytes(content)
    assert "damaged, or not from `otel-mesh node toolchain --export`" in refused(file, capsys)


def test_no_such_file_and_no_such_folder_are_told(
    small_build: Build, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "no such file; name a file that `otel-mesh node toolchain --export` wrote" in refused(
        tmp_path / "none.tar.gz", capsys
    )
    with pytest.raises(CommandError, match="nowhere: no such folder; make it, or name another file"):
        carrying.export(tmp_path / "nowhere" / "programs.tar.gz", ["hello"], builds=[small_build])


def test_programs_of_another_go_release_do_not_replace_this_one(
    exported: Path, small_build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = golang.find()
    monkeypatch.setattr(golang, "find", lambda: dataclasses.replace(go, release=(go.release[0], go.release[1] + 1)))
    with pytest.raises(CommandError, match=f"built with {go.name}, but this machine has go"):
        carrying.import_(exported)
    assert artefacts.path("hello", small_build, go).exists()
