"""What empty caches cost stays known and bounded: read from files only, without Go and without a network."""

from __future__ import annotations

import dataclasses
import itertools
import json
import re
import shutil
from typing import TYPE_CHECKING, Any, Final

import pytest

from otel_mesh_embedded.toolchain import BUILDS
from requirements import go_modules
from requirements.go_modules import COUNTED, inputs

if TYPE_CHECKING:
    from pathlib import Path

    from otel_mesh_embedded.toolchain import Build

MOST: Final = 8627
"""Package compilations of a cold start: what was counted when this was written, and 1 %. Lower it with them.

Of these, Alertmanager and amtool are 145, half a minute: without them, alerts reach nobody.
"""

UNCOMPILED: Final = {
    "github.com/Microsoft/go-winio",
    "github.com/docker/go-connections",
    "github.com/envoyproxy/go-control-plane/envoy",
    "github.com/go-ole/go-ole",
    "github.com/goccy/go-json",
    "github.com/google/go-querystring",
    "github.com/lufia/plan9stats",
    "github.com/mattn/go-colorable",
    "github.com/mattn/go-isatty",
    "github.com/planetscale/vtprotobuf",
    "github.com/power-devops/perfstat",
    "github.com/shurcooL/httpfs",
    "github.com/tklauser/go-sysconf",
    "github.com/tklauser/numcpus",
    "github.com/yusufpapurcu/wmi",
    "go.yaml.in/yaml/v3",
    "golang.org/x/mod",
    "golang.org/x/tools",
}
"""Modules that go.mod files name at several versions while at most one version of them has packages that are compiled:
their folders name them because a module that they use does."""

REQUIRED = re.compile(r"^(?:require )?\s*(\S+) (v\S+)(?: // indirect)?$", re.MULTILINE)
REPLACED = re.compile(r"^(?:replace )?\s*(\S+)(?: v\S+)? => (\S+) (v\S+)$", re.MULTILINE)


def counted() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(COUNTED.read_text())
    return found


def modules_of(build: Build) -> dict[str, str]:
    """The modules that a folder requires, with the versions that it gets; those of folders have none."""
    text = (build.folder / "go.mod").read_text()
    replaced = {name: version for name, other, version in REPLACED.findall(text) if name == other}
    own = set(re.findall(r"^(?:replace )?\s*(\S+)(?: v\S+)? => \./", text, re.MULTILINE))
    return {name: replaced.get(name, version) for name, version in REQUIRED.findall(text) if name not in own}


def differing(builds: tuple[Build, ...]) -> dict[str, dict[str, str]]:
    """Module to folder to version, of those that should stand at one version and do not."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for build in builds:
        for module, version in modules_of(build).items() if build.packages else ():
            group = go_modules.group(build.folder.name, module)
            found.setdefault((group, module), {})[build.folder.name] = version
    return {module: versions for (_, module), versions in found.items() if len(set(versions.values())) > 1}


def test_the_count_is_of_these_folders() -> None:
    assert counted()["inputs"] == inputs(), "run `python -m requirements.go_modules` and commit what it changes"
    assert list(counted()["packages"]) == [build.folder.name for build in BUILDS]


def test_a_cold_start_compiles_no_more_than_it_did() -> None:
    found = counted()
    assert found["compilations"] <= MOST, "what a new version or program brings in has to be worth its minutes"
    assert found["compilations"] >= MOST * 0.9, "lower MOST: what was saved is to stay saved"
    assert sum(found["packages"].values()) == found["sum"]
    assert max(found["packages"].values()) < found["compilations"] < found["sum"]


def test_what_two_folders_require_stands_at_one_version() -> None:
    found = {module: versions for module, versions in differing(BUILDS).items() if module not in UNCOMPILED}
    assert found == {}, "run `python -m requirements.go_modules`, or set them APART with the reason"


def test_go_mod_files_are_read_whole() -> None:
    """Not one line of them is passed over by the expressions above."""
    for build in BUILDS:
        text = (build.folder / "go.mod").read_text()
        named = [line for line in text.splitlines() if re.search(r" v\d", line) and not line.lstrip().startswith("//")]
        read = len(REQUIRED.findall(text)) + len(REPLACED.findall(text))
        elsewhere = [line for line in named if re.search(r"=> \./|^exclude|^retract", line)]
        assert read == len(named) - len(elsewhere), build.folder


def test_what_is_set_apart_is_used() -> None:
    names = {build.folder.name for build in BUILDS}
    assert set(go_modules.APART) <= names
    for folder, prefixes in go_modules.APART.items():
        (build,) = [one for one in BUILDS if one.folder.name == folder]
        for prefix in prefixes:
            assert any(module.startswith(prefix) for module in modules_of(build)), (folder, prefix)


@pytest.fixture
def two(tmp_path: Path) -> tuple[Build, Build]:
    """Two folders that share a module at one version."""
    made = []
    for name in ("first", "second"):
        folder = tmp_path / name
        shutil.copytree(BUILDS[0].folder, folder)
        made.append(dataclasses.replace(BUILDS[0], folder=folder))
    return made[0], made[1]


def test_another_version_in_one_of_two_folders_is_found(two: tuple[Build, Build]) -> None:
    assert differing(two) == {}
    file = two[1].folder / "go.mod"
    text = file.read_text()
    module, version = next(iter(modules_of(two[1]).items()))
    file.write_text(text.replace(f"{module} {version}", f"{module} v99.0.0"))
    assert differing(two) == {module: {"first": version, "second": "v99.0.0"}}


@pytest.mark.parametrize("name", ["go.mod", "go.sum", "main.go"])
def test_the_hash_knows_every_file_that_the_count_depends_on(name: str, two: tuple[Build, Build]) -> None:
    before = inputs(two)
    (two[1].folder / "README").write_text("of no account")
    assert inputs(two) == before
    with (two[1].folder / name).open("a") as file:
        file.write("\n")
    assert inputs(two) != before


def test_the_hash_knows_programs_and_tags(two: tuple[Build, Build], monkeypatch: pytest.MonkeyPatch) -> None:
    hashes = {
        inputs(two),
        inputs(two[:1]),
        inputs((two[0], dataclasses.replace(two[1], packages={"other": "example.com/other"}))),
    }
    monkeypatch.setattr(go_modules, "TAGS", ("another",))
    hashes.add(inputs(two))
    assert len(hashes) == 4


VERSIONS: Final = (
    "v0.0.0-20190707220628-8d4bc4ba7749",
    "v0.0.0-20230704072500-f1e31cf0ba5c",
    "v0.9.1",
    "v0.10.0-alpha.9",
    "v0.10.0-alpha.10",
    "v0.10.0-rc.1",
    "v0.10.0",
    "v1.2.3",
    "v1.10.0+incompatible",
    "v2.0.0-pre",
    "v2.0.0",
)
"""In the order of semantic versions."""


def test_the_newest_of_two_versions_is_the_one_that_go_takes() -> None:
    for older, newer in itertools.combinations(VERSIONS, 2):
        assert go_modules.order(older) < go_modules.order(newer), (older, newer)
