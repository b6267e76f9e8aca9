"""Istio's charts out of its module: the real module, in Go's cache or fetched."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from otel_mesh import IstioSettings
from otel_mesh.core import versions
from otel_mesh.mesh.installing.gateway_api import definition_files
from otel_mesh_cli.core.errors import CommandError
from otel_mesh_embedded.toolchain import charts, owner

NUMBER = owner("pilot-discovery").version.removeprefix("v")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, go: Path) -> Path:
    monkeypatch.setenv("PATH", str(go.parent), prepend=os.pathsep)
    monkeypatch.setenv("OTEL_MESH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_the_charts_are_those_of_a_release(cache: Path) -> None:
    folder = charts.ensure()
    assert folder == charts.folder()
    assert folder.is_relative_to(cache)
    assert {path.name for path in folder.iterdir()} == {"base", "istiod", "cni", "gateway", "gateway-api"}
    for chart in (folder / name for name in charts.CHARTS):
        told = yaml.safe_load((chart / "Chart.yaml").read_text())
        assert (told["name"], told["version"], told["appVersion"]) == (chart.name, NUMBER, NUMBER)
        assert list((chart / "templates").glob("*.yaml"))
    for name in ("istiod", "cni"):
        values = yaml.safe_load((folder / name / "values.yaml").read_text())["_internal_defaults_do_not_set"]
        assert (values["global"]["hub"], values["global"]["tag"]) == ("docker.io/istio", NUMBER)


def test_the_gateway_api_s_definitions_are_those_of_its_standard_channel() -> None:
    files = definition_files(IstioSettings().gateway_api, str(charts.ensure()))
    made = [one for file in files for one in yaml.safe_load_all(Path(file).read_text()) if one]
    assert {(one["apiVersion"], one["kind"]) for one in made} == {
        ("apiextensions.k8s.io/v1", "CustomResourceDefinition")
    }
    group = "gateway.networking.k8s.io"
    marks = [one["metadata"]["annotations"] for one in made]
    assert {mark[f"{group}/channel"] for mark in marks} == {"standard"}
    assert {mark[f"{group}/bundle-version"] for mark in marks} == {f"v{versions.GATEWAY_API}"}


def test_every_definition_of_the_channel_is_named() -> None:
    there = {path.name for path in (charts.ensure() / charts.DEFINITIONS[0]).iterdir()}
    named = {Path(file).name for file in definition_files(IstioSettings().gateway_api, None)}
    assert there - named == {"gateway.networking.k8s.io_vap_safeupgrades.yaml"}, "the admission policy only"
    assert named <= there


def test_charts_that_are_there_are_left_alone(cache: Path) -> None:
    folder = charts.ensure()
    inodes = {path: path.stat().st_ino for path in folder.rglob("*")}
    again = [sys.executable, "-c", "from otel_mesh_embedded.toolchain import charts; print(charts.ensure())"]
    environment = {**os.environ, "OTEL_MESH_CACHE": str(cache), "GOPROXY": "off", "GOMODCACHE": str(cache / "none")}
    done = subprocess.run(again, capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.strip() == str(folder)
    assert {path: path.stat().st_ino for path in folder.rglob("*")} == inodes
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_a_module_that_cannot_be_fetched_is_one_line_and_leaves_nothing(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOMODCACHE", str(tmp_path / "empty"))
    monkeypatch.setenv("GOPROXY", "off")
    with pytest.raises(CommandError, match=r"^charts: istio\.io/istio: .*GOPROXY=off") as caught:
        charts.ensure()
    assert "\n" not in str(caught.value)
    assert list((cache / "charts").iterdir()) == []


def test_sources_that_look_different_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(charts.STAMPS, "Chart.yaml", ((r"^edition: \S+$", "edition: {number}"),))
    with pytest.raises(CommandError, match="Chart.yaml has no line `version:`"):
        charts.ensure()


def test_images_of_development_builds_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(charts.STAMPS, "values.yaml", ())
    with pytest.raises(
        CommandError, match=r"values\.yaml names images of development builds \(hub: registry\.istio\.io"
    ):
        charts.ensure()
