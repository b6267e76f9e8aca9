"""Where programs come from: real files on PATH, a real server with releases, and nothing that leaves the loopback."""

from __future__ import annotations

import os
import platform
import subprocess
from typing import TYPE_CHECKING

import pytest

from otel_mesh_cli import main as command
from otel_mesh_cli.core.errors import CommandError
from otel_mesh_embedded.toolchain import BUILDS, artefacts, fetching, golang, hosts, on_path, origins, owner, summary
from otel_mesh_embedded.toolchain.releases import OFFERS
from tests.embedded.toolchain.release_server import Releases, archive_of, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from otel_mesh_embedded.toolchain.releases import Offer

MAIN = """package main

import "os"

func main() {
\tsaid, _ := os.ReadFile(os.Args[0] + ".says")
\tos.Stdout.Write(said)
}
"""
KUBECTL = owner("kubectl").version
MINOR = int(KUBECTL.split(".")[1])
KUBE = f"/dl.k8s.io/release/{KUBECTL}/bin/linux/{{arch}}"
ARCH = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]
KUBE = KUBE.format(arch=ARCH)


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
    monkeypatch.setenv(hosts.MIRROR, "http://127.0.0.1:1")  # nobody is there, and nothing is asked of the world
    monkeypatch.delenv(origins.SETTING, raising=False)
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    hosts.answering.cache_clear()
    origins._say_once.cache_clear()  # noqa: SLF001 -- said once per run; each test is one


@pytest.fixture
def releases(monkeypatch: pytest.MonkeyPatch) -> Iterator[Releases]:
    with serving() as server:
        monkeypatch.setenv(hosts.MIRROR, server.url)
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


def choose(builder: Builder, *names: str) -> dict[str, tuple[str, str]]:
    chosen = origins.choose(names, BUILDS, builder)
    return {choice.name: (choice.origin, choice.file.read_bytes().decode(errors="replace")[:40]) for choice in chosen}


def publish_kubectl(releases: Releases, content: bytes = b"official kubectl") -> None:
    releases.add(f"{KUBE}/kubectl", content, f"{KUBE}/kubectl.sha256")


def test_a_suitable_program_of_path_is_taken_first_and_said_so(on_the_path: Callable[..., Path]) -> None:
    file = on_the_path("kubectl", f"Client Version: {KUBECTL}\n")
    builder = Builder()
    chosen = origins.choose(["kubectl"], BUILDS, builder)
    assert [(choice.origin, choice.file) for choice in chosen] == [("path", file)]
    assert summary(chosen) == [f"programs: 1 from PATH (kubectl {KUBECTL[1:]})"]
    assert not builder.built


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
    chosen = origins.choose([program], BUILDS, Builder())
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


def test_the_pulumi_of_path_comes_with_its_language_host(on_the_path: Callable[..., Path]) -> None:
    names = ("pulumi", "pulumi-language-python", "pulumi-language-python-exec")
    files = [on_the_path(name, "v3.999.1") for name in names]
    chosen = origins.choose(names, BUILDS, Builder())
    assert [choice.file.resolve() for choice in chosen] == files
    linked = artefacts.link_folder({choice.name: choice.file for choice in chosen})
    assert [(linked / name).resolve() for name in names] == files, "links, as companions are looked for beside the file"


def test_a_release_is_fetched_once_with_its_checksum_compared(
    releases: Releases, capsys: pytest.CaptureFixture[str]
) -> None:
    publish_kubectl(releases)
    builder = Builder()
    assert choose(builder, "kubectl") == {"kubectl": ("official", "official kubectl")}
    told = capsys.readouterr().err
    assert f"fetching {releases.url}{KUBE}/kubectl" in told
    assert f"kubectl {KUBECTL}: from upstream's release, its checksum compared" in told
    before = list(releases.asked)
    assert choose(builder, "kubectl") == {"kubectl": ("official", "official kubectl")}
    assert releases.asked == before, "what is in the cache is not asked for again"
    assert not builder.built


def published(offer: Offer, releases: Releases) -> None:
    """Publish an offer as upstream does: the archive at its address, its sum in its file of checksums."""
    official = offer.official
    assert official is not None
    values = {
        "version": offer.version,
        "number": official.number or offer.version.removeprefix("v"),
        "arch": dict(official.arches)[platform.machine()],
    }
    members = {official.member.format(**values, program=name): f"official {name}".encode() for name in offer.programs}
    path = official.url.format(**values, program=offer.programs[0]).removeprefix("https:/")
    sums = official.checksums.format(**values, program=offer.programs[0]).removeprefix("https:/")
    if not official.member:
        releases.add(path, f"official {offer.programs[0]}".encode(), sums)
        return
    if official.sums_members:
        for name, content in members.items():
            releases.add(f"/unused/{name}", content, sums, name)
        releases.files[path] = archive_of(members)
        return
    releases.add("/unused/other", b"other", sums, "another-file.tar.gz")
    releases.add(path, archive_of(members, path), sums, path.rpartition("/")[2])


@pytest.mark.parametrize("offer", [offer for offer in OFFERS if offer.official], ids=lambda offer: offer.programs[0])
def test_each_layout_of_upstream_is_read(offer: Offer, releases: Releases) -> None:
    published(offer, releases)
    wanted = {name: ("official", f"official {name}") for name in offer.programs}
    assert choose(Builder(), *offer.programs) == wanted
    fetched = [path for path in releases.asked if path.startswith("GET")]
    assert len(fetched) == len(set(fetched)) + len(offer.programs) - 1, "one archive is fetched once"
    assert all(os.access(file, os.X_OK) for file in fetching.kept(offer).values())


def spoil_sum(releases: Releases) -> None:
    releases.files[f"{KUBE}/kubectl.sha256"] = b"0" * 64


def spoil_truncate(releases: Releases) -> None:
    releases.truncated.add(f"{KUBE}/kubectl")


def spoil_missing(releases: Releases) -> None:
    del releases.files[f"{KUBE}/kubectl"]


def spoil_no_sums(releases: Releases) -> None:
    del releases.files[f"{KUBE}/kubectl.sha256"]


def spoil_page_for_sums(releases: Releases) -> None:
    releases.files[f"{KUBE}/kubectl.sha256"] = b"<html>please log in</html>"


def spoil_redirect(releases: Releases) -> None:
    releases.redirects[f"{KUBE}/kubectl"] = "http://mirror.example.com/kubectl"


@pytest.mark.parametrize(
    ("spoil", "because"),
    [
        (spoil_sum, "has the checksum"),
        (spoil_truncate, ""),
        (spoil_missing, "status 404"),
        (spoil_no_sums, "status 404"),
        (spoil_page_for_sums, "do not name kubectl"),
        (spoil_redirect, "without TLS"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_release_that_is_not_right_is_not_used_and_modules_are(
    spoil: Callable[[Releases], None], because: str, releases: Releases, capsys: pytest.CaptureFixture[str]
) -> None:
    publish_kubectl(releases)
    spoil(releases)
    builder = Builder()
    assert choose(builder, "kubectl") == {"kubectl": ("modules", "built")}
    (told,) = [line for line in capsys.readouterr().err.splitlines() if "not from upstream's releases: " in line]
    assert because in told
    offer = next(offer for offer in OFFERS if "kubectl" in offer.programs)
    assert fetching.kept(offer) == {}
    assert not list(artefacts.tools_dir().glob(".fetch-*")), "nothing half done is left"


def half(content: bytes) -> bytes:
    return content[: len(content) // 2]


@pytest.mark.parametrize(("program", "spoil"), [("etcd", half), ("victoria-logs", half)])
def test_a_broken_archive_is_not_used(
    program: str, spoil: Callable[[bytes], bytes], releases: Releases, capsys: pytest.CaptureFixture[str]
) -> None:
    offer = next(offer for offer in OFFERS if program in offer.programs)
    published(offer, releases)
    path = next(path for path in releases.files if path.endswith(".tar.gz") and "unused" not in path)
    sums = next(path for path in releases.files if path.endswith(("SHA256SUMS", "_checksums.txt")))
    del releases.files[sums]
    releases.add(path, spoil(releases.files[path]), sums, path.rpartition("/")[2])
    assert choose(Builder(), program) == {program: ("modules", "built")}
    assert "the release cannot be unpacked" in capsys.readouterr().err


def test_hosts_that_do_not_answer_are_given_up_together_and_asked_once(
    releases: Releases, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(hosts, "PROBE_SECONDS", 0.2)
    releases.silent_s = 600
    names = ("kubectl", "etcd", "kubelet", "coredns")
    assert {origin for origin, _ in choose(Builder(), *names).values()} == {"modules"}
    choose(Builder(), "kube-proxy")
    assert not releases.answered, "given up, not waited for"
    assert [line for line in capsys.readouterr().err.splitlines() if "no answer" in line] == [
        f"toolchain: no answer within 0 s from {releases.url}"
    ]
    assert set(releases.asked) <= {"HEAD /"}
    assert len(releases.asked) <= 1


def test_nothing_is_asked_of_anybody_when_everything_is_there(releases: Releases) -> None:
    builder = Builder()
    builder(["kubectl", "otelcol"])
    builder.built.clear()
    assert {origin for origin, _ in choose(builder, "kubectl", "otelcol").values()} == {"modules"}
    assert not releases.asked
    assert not builder.built


def test_a_setting_chooses_the_places(
    releases: Releases, monkeypatch: pytest.MonkeyPatch, on_the_path: Callable[..., Path]
) -> None:
    publish_kubectl(releases)
    on_the_path("kubectl", f"Client Version: {KUBECTL}\n")
    monkeypatch.setenv(origins.SETTING, "modules")
    assert choose(Builder(), "kubectl")["kubectl"][0] == "modules"
    assert not releases.asked
    monkeypatch.setenv(origins.SETTING, "official, modules")
    (artefacts.path("kubectl", owner("kubectl"), golang.find())).unlink()
    assert choose(Builder(), "kubectl")["kubectl"][0] == "official"
    monkeypatch.setenv(origins.SETTING, "path")
    assert choose(Builder(), "kubectl")["kubectl"][0] == "path"
    with pytest.raises(CommandError, match=r"^programs etcd: not to be had from PATH; ") as caught:
        choose(Builder(), "etcd")
    assert origins.SETTING in caught.value.remedy


@pytest.mark.parametrize("value", ["", "paths", "path,path", "path,,modules"])
def test_a_setting_that_names_no_place_is_refused_in_one_line(
    value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(origins.SETTING, value)
    assert command.main(["node", "toolchain", "kubectl"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert origins.SETTING in line


def test_a_mirror_without_tls_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(hosts.MIRROR, "http://mirror.example.com")
    with pytest.raises(CommandError, match="not https"):
        choose(Builder(), "kubectl")


def test_every_offer_is_of_programs_that_the_modules_make_and_each_is_offered_once() -> None:
    names = [name for offer in OFFERS for name in offer.programs]
    assert len(names) == len(set(names))
    for offer in OFFERS:
        assert {owner(name).version for name in offer.programs if name != "pulumi-language-python"} == {offer.version}
        assert on_path.numbers(offer.version)
