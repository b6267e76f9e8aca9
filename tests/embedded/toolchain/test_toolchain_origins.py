"""Where programs come from: real files on PATH, a real server with releases, and nothing that leaves loopback."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

import httpx
import pytest

from otel_mesh_cli import main as command
from otel_mesh_cli.core.errors import CommandError
from otel_mesh_embedded.toolchain import BUILDS, artefacts, fetching, golang, on_path, origins, owner, summary
from otel_mesh_embedded.toolchain.releases import ARCHITECTURES, OFFERS, Offer
from tests.embedded.toolchain.release_server import Releases, serving
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

MAIN = """package main

import "os"

func main() {
\tsaid, _ := os.ReadFile(os.Args[0] + ".says")
\tos.Stdout.Write(said)
}
"""
KUBECTL = owner("kubectl").version
MINOR = int(KUBECTL.split(".")[1])
PATH_ONLY = tuple(replace(offer, release=None) for offer in OFFERS)
"""The real offers without their releases: nothing is asked of the world."""


@pytest.fixture(scope="session")
def speaker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real program that prints what a file beside it holds."""
    folder = tmp_path_factory.mktemp("speaker")
    (folder / "go.mod").write_text("module example.com/speaker\n\ngo 1.26.0\n")
    (folder / "main.go").write_text(MAIN)
    (folder / "tmp").mkdir()
    go = golang.find()
    build: list[str | Path] = [go.command, "build", "-o", folder / "speaker", "."]
    subprocess.run(build, cwd=folder, env=go.environment(folder / "tmp"), check=True)
    return folder / "speaker"


@pytest.fixture
def on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, speaker: Path) -> Callable[..., Path]:
    """Put a program that says its version on PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    def put(name: str, says: str) -> Path:
        (folder / name).write_bytes(speaker.read_bytes())
        (folder / name).chmod(0o755)
        (folder / f"{name}.says").write_text(says)
        return folder / name

    return put


@pytest.fixture(autouse=True)
def _own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, go: Path) -> None:
    monkeypatch.setenv("PATH", str(go.parent), prepend=os.pathsep)
    monkeypatch.setenv("OTEL_MESH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("OTEL_MESH_STATE", str(tmp_path / "state"))
    monkeypatch.delenv(origins.SETTING, raising=False)
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    origins._say_once.cache_clear()  # noqa: SLF001 -- said once per run; each test is one


@pytest.fixture
def releases() -> Iterator[Releases]:
    with serving() as server:
        yield server


class Builder:
    """In place of the compiler, which test_toolchain_ensure.py runs: it makes the files and notes the names."""

    def __init__(self) -> None:
        self.built: list[str] = []

    def __call__(self, names: Sequence[str]) -> None:
        self.built += names
        for name in names:
            file = artefacts.path(name, owner(name), golang.find())
            file.parent.mkdir(parents=True)
            file.write_text("built")


def choose(builder: Builder, *names: str, offers: Sequence[Offer] = PATH_ONLY) -> dict[str, tuple[str, str]]:
    chosen = origins.choose(names, BUILDS, builder, offers)
    return {choice.name: (choice.origin, choice.file.read_bytes().decode(errors="replace")[:40]) for choice in chosen}


def test_a_suitable_program_of_path_is_taken_first_and_said_so(on_the_path: Callable[..., Path]) -> None:
    file = on_the_path("kubectl", f"Client Version: {KUBECTL}\n")
    builder = Builder()
    chosen = origins.choose(["kubectl"], BUILDS, builder, PATH_ONLY)
    assert [(choice.origin, choice.file) for choice in chosen] == [("path", file)]
    assert summary(chosen) == [f"programs: 1 from PATH (kubectl {KUBECTL[1:]})"]
    assert not builder.built


def test_what_is_here_is_told_in_any_version_and_nothing_is_built(
    on_the_path: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = on_the_path("promtool", "promtool, version 2.1.0")
    built = artefacts.path("jaeger", owner("jaeger"), golang.find())
    built.parent.mkdir(parents=True)
    built.write_text("built")
    wanted = ["promtool", "jaeger", "amtool"]
    assert origins.available(wanted, BUILDS, PATH_ONLY) == {"promtool": file, "jaeger": built}
    monkeypatch.setenv(origins.SETTING, "modules")
    assert origins.available(wanted, BUILDS, PATH_ONLY) == {"jaeger": built}


@pytest.mark.parametrize(
    ("program", "says", "because"),
    [
        ("kubectl", "Client Version: v1.30.1", f"not 1.{MINOR - 1} to 1.{MINOR + 1}"),
        ("kubectl", "no version here", "does not tell its version"),
        ("etcd", "etcd Version: 3.4.23", "the node's data outlive it"),
        ("kubelet", f"Kubernetes v1.{MINOR - 1}.0", f"not {KUBECTL[1:]}"),
        ("pulumi", "v3.100.0", "or a later 3.x"),
        ("pulumi", "v4.0.0", "or a later 3.x"),
        ("pulumi", "v3.999.0", "has no pulumi-language-python beside it"),
    ],
)
def test_another_version_of_path_is_not_taken_and_the_reason_is_said(
    program: str, says: str, because: str, on_the_path: Callable[..., Path]
) -> None:
    file = on_the_path(program, says)
    chosen = origins.choose([program], BUILDS, Builder(), PATH_ONLY)
    first, told = summary(chosen)
    assert first == "programs: 1 from Go modules"
    assert told.startswith(f"{program} of PATH is not taken: {file} ")
    assert because in told


@pytest.mark.parametrize(
    "program", ["jaeger", "victoria-logs", "prometheus", "promtool", "coredns", "otelcol", "pause"]
)
def test_what_goes_into_images_is_never_taken_from_path(program: str, on_the_path: Callable[..., Path]) -> None:
    on_the_path(program, f"version {owner(program).version}")
    assert choose(Builder(), program) == {program: ("modules", "built")}


def test_a_script_on_path_and_our_own_programs_there_are_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, on_the_path: Callable[..., Path], speaker: Path
) -> None:
    script = on_the_path("kubectl", "")
    script.write_text(f"#!/bin/sh\necho Client Version: {KUBECTL}\n")
    assert choose(Builder(), "kubectl")["kubectl"][0] == "modules"
    script.unlink()
    ours = tmp_path / "state" / "bin"  # what `make env` puts on PATH
    ours.mkdir(parents=True)
    (ours / "kubectl").write_bytes(speaker.read_bytes())
    (ours / "kubectl").chmod(0o755)
    (ours / "kubectl.says").write_text(KUBECTL)
    monkeypatch.setenv("PATH", f"{ours}{os.pathsep}{os.environ['PATH']}")
    assert on_path.look(next(offer for offer in OFFERS if "kubectl" in offer.programs)).files == {}


AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to other users")


@AS_ROOT
@pytest.mark.parametrize("is_folder", [False, True], ids=["file", "folder"])
def test_root_takes_nothing_of_path_that_another_user_can_change(
    is_folder: bool,  # noqa: FBT001
    on_the_path: Callable[..., Path],
) -> None:
    file = on_the_path("kubectl", f"Client Version: {KUBECTL}\n")
    os.chown(file.parent if is_folder else file, 65534, 0)
    _, told = summary(origins.choose(["kubectl"], BUILDS, Builder(), PATH_ONLY))
    place = file.parent if is_folder else file
    assert told == f"kubectl of PATH is not taken: {file} is not run by root: {place} belongs to nobody"


@AS_ROOT
def test_root_runs_nothing_out_of_a_cache_that_another_user_can_change() -> None:
    choose(Builder(), "kubectl")
    place = artefacts.path("kubectl", owner("kubectl"), golang.find())
    os.chown(place, 65534, 0)
    with pytest.raises(CommandError, match=rf"^{place}: root does not use it: {place} belongs to nobody; delete it"):
        origins.present(["kubectl"], BUILDS, PATH_ONLY)
    os.chown(place, 0, 0)
    os.chown(artefacts.tools_dir(), 65534, 0)
    builder = Builder()
    with pytest.raises(CommandError, match="with OTEL_MESH_CACHE"):
        choose(builder, "etcd")
    assert not builder.built, "refused before anything is built"


def test_the_pulumi_of_path_comes_with_its_language_host(on_the_path: Callable[..., Path]) -> None:
    names = ("pulumi", "pulumi-language-python", "pulumi-language-python-exec")
    files = [on_the_path(name, "v3.999.1") for name in names]
    chosen = origins.choose(names, BUILDS, Builder(), PATH_ONLY)
    assert [choice.file.resolve() for choice in chosen] == files
    linked = artefacts.link_folder({choice.name: choice.file for choice in chosen})
    assert [(linked / name).resolve() for name in names] == files, "links, as companions are looked for beside the file"


def test_a_release_is_fetched_once_and_is_the_pinned_one(
    releases: Releases, capsys: pytest.CaptureFixture[str]
) -> None:
    offers = [releases.offer("kubectl")]
    builder = Builder()
    assert choose(builder, "kubectl", offers=offers) == {"kubectl": ("official", "official kubectl")}
    told = capsys.readouterr().err
    assert f"fetching {releases.url}/{KUBECTL}/kubectl" in told
    assert f"kubectl {KUBECTL}: from upstream's release, its SHA-256 as pinned" in told
    assert len(releases.asked) == 1
    assert choose(builder, "kubectl", offers=offers) == {"kubectl": ("official", "official kubectl")}
    assert len(releases.asked) == 1, "what is in the cache is not asked for again"
    assert not builder.built


def test_an_archive_is_fetched_once_for_all_its_programs(releases: Releases) -> None:
    offer = releases.offer("prometheus", "promtool", member="prometheus-{number}.linux-{arch}/{program}")
    wanted = {name: ("official", f"official {name}") for name in offer.programs}
    assert choose(Builder(), *offer.programs, offers=[offer]) == wanted
    assert len(releases.asked) == 1
    assert all(os.access(file, os.X_OK) for file in fetching.here(offer).values())


def another_file(releases: Releases, path: str) -> None:
    releases.files[path] = b"another kubectl"


def truncated(releases: Releases, path: str) -> None:
    releases.truncated.add(path)


def missing(releases: Releases, path: str) -> None:
    del releases.files[path]


def moved_to_another_file(releases: Releases, path: str) -> None:
    releases.files["/other"] = b"another kubectl"
    releases.redirects[path] = f"{releases.url}/other"


@pytest.mark.parametrize(
    ("spoil", "because"),
    [
        (another_file, "is pinned: not used"),
        (truncated, "peer closed connection"),
        (missing, "status 404"),
        (moved_to_another_file, "is pinned: not used"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_release_that_is_not_the_pinned_one_is_not_used_and_modules_are(
    spoil: Callable[[Releases, str], None],
    because: str,
    releases: Releases,
    capsys: pytest.CaptureFixture[str],
) -> None:
    offer = releases.offer("kubectl")
    spoil(releases, next(iter(releases.files)))
    assert choose(Builder(), "kubectl", offers=[offer]) == {"kubectl": ("modules", "built")}
    (told,) = [line for line in capsys.readouterr().err.splitlines() if "not from upstream's releases: " in line]
    assert because in told
    assert fetching.here(offer) == {}
    assert not list(artefacts.tools_dir().glob(".fetch-*")), "nothing half done is left"


@pytest.mark.parametrize(
    "change", [{"sha256": {"another": "0" * 64}}, {"version": "v1.0.0"}], ids=["machine", "version"]
)
def test_without_a_pinned_sum_of_this_version_for_this_machine_nothing_is_asked(
    change: dict[str, object], releases: Releases, capsys: pytest.CaptureFixture[str]
) -> None:
    offer = releases.offer("kubectl")
    assert offer.release
    offer = replace(offer, release=replace(offer.release, **change))  # type: ignore[arg-type]
    assert choose(Builder(), "kubectl", offers=[offer]) == {"kubectl": ("modules", "built")}
    assert f"no SHA-256 of {KUBECTL} for {platform.machine()} is pinned" in capsys.readouterr().err
    assert not releases.asked


@pytest.mark.parametrize("member", ["other/{program}", "prometheus"])
def test_an_archive_without_the_program_is_not_used(
    member: str, releases: Releases, capsys: pytest.CaptureFixture[str]
) -> None:
    offer = releases.offer("prometheus", member="prometheus/{program}")
    assert offer.release
    offer = replace(offer, release=replace(offer.release, member=member))
    assert choose(Builder(), "prometheus", offers=[offer]) == {"prometheus": ("modules", "built")}
    assert f"{member.format(program='prometheus')} cannot be unpacked from the release" in capsys.readouterr().err


def test_a_host_that_does_not_answer_is_asked_once(
    releases: Releases, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(fetching, "TIMEOUT", httpx.Timeout(60, read=0.2))
    names = ("kubectl", "kubelet", "coredns")
    offers = [releases.offer(name) for name in names]
    releases.silent_s = 600
    assert {origin for origin, _ in choose(Builder(), *names, offers=offers).values()} == {"modules"}
    wait_for(lambda: bool(releases.asked))  # by its own thread
    assert len(releases.asked) == 1
    assert "not from upstream's releases: " in capsys.readouterr().err


def test_nothing_is_asked_of_anybody_when_everything_is_there(releases: Releases) -> None:
    builder = Builder()
    builder(["kubectl", "otelcol"])
    builder.built.clear()
    offers = [releases.offer("kubectl")]
    assert {origin for origin, _ in choose(builder, "kubectl", "otelcol", offers=offers).values()} == {"modules"}
    assert not releases.asked
    assert not builder.built


def test_a_setting_chooses_the_origins(
    releases: Releases, monkeypatch: pytest.MonkeyPatch, on_the_path: Callable[..., Path]
) -> None:
    (rule,) = [offer.on_path for offer in OFFERS if "kubectl" in offer.programs]
    offers = [replace(releases.offer("kubectl"), on_path=rule)]
    on_the_path("kubectl", f"Client Version: {KUBECTL}\n")
    monkeypatch.setenv(origins.SETTING, "modules")
    assert choose(Builder(), "kubectl", offers=offers)["kubectl"][0] == "modules"
    assert not releases.asked
    monkeypatch.setenv(origins.SETTING, "official, modules")
    (artefacts.path("kubectl", owner("kubectl"), golang.find())).unlink()
    assert choose(Builder(), "kubectl", offers=offers)["kubectl"][0] == "official"
    monkeypatch.setenv(origins.SETTING, "path")
    assert choose(Builder(), "kubectl", offers=offers)["kubectl"][0] == "path"
    with pytest.raises(CommandError, match=r"^programs etcd: not to be had from PATH; ") as caught:
        choose(Builder(), "etcd")
    assert origins.SETTING in caught.value.remedy


@pytest.mark.parametrize("value", ["", "paths", "path,path", "path,,modules"])
def test_a_setting_that_names_no_origin_is_refused_in_one_line(
    value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(origins.SETTING, value)
    assert command.main(["node", "toolchain", "kubectl"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert origins.SETTING in line


def test_releases_are_pinned_for_the_version_of_the_modules_on_both_architectures() -> None:
    for offer in OFFERS:
        if offer.release:
            assert offer.release.version == offer.version, "look up the sums of the new version"
            assert set(offer.release.sha256) == set(ARCHITECTURES)
            assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in offer.release.sha256.values())
            assert offer.release.url.startswith("https://")


def test_every_offer_is_of_programs_that_the_modules_make_and_each_is_offered_once() -> None:
    names = [name for offer in OFFERS for name in offer.programs]
    assert len(names) == len(set(names))
    for offer in OFFERS:
        assert {owner(name).version for name in offer.programs if name != "pulumi-language-python"} == {offer.version}
        assert on_path.numbers(offer.version)
