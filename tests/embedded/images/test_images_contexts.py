"""Recipes, bases and pip's settings of image builds; the builds themselves need root and run in tests/e2e."""

from __future__ import annotations

import configparser
import os
import stat
from typing import TYPE_CHECKING

import pytest

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.images import contexts
from otel_mesh_embedded import toolchain
from otel_mesh_embedded.images import IMAGES, making, pip_settings, roots
from otel_mesh_embedded.images.recipes import PAGE, ROOTS, SERVICES, Root
from otel_mesh_embedded.toolchain import Choice

if TYPE_CHECKING:
    from pathlib import Path


def test_every_recipe_is_read_and_its_sources_are_there(tmp_path: Path) -> None:
    for image in IMAGES:
        given = {name: tmp_path / name for name in (*image.programs, *([PAGE] if image.page else []))}
        found = contexts.files(image.dockerfile, image.context, given, image.arguments)
        assert set(image.programs) <= set(found), image.name
        assert all(path.is_file() for name, path in found.items() if name not in given), image.name


def test_every_recipe_runs_as_a_number_that_is_not_root() -> None:
    agents = {"istio-install-cni"}  # works on the node's own files
    for image in IMAGES:
        users = [line.split()[1] for line in image.dockerfile.read_text().splitlines() if line.startswith("USER ")]
        assert users, image.name
        assert users[-1].split(":")[0].isdigit(), image.name
        assert (users[-1] == "0:0") == (image.name in agents), image.name


def test_recipes_pin_public_bases_as_the_default_of_the_argument() -> None:
    for image in IMAGES:
        froms = [line for line in image.dockerfile.read_text().splitlines() if line.startswith("FROM ")]
        assert all("scratch" in line or "${BASE_IMAGE}" in line for line in froms), image.name


def test_pip_reaches_its_index_as_on_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    bundle = tmp_path / "ca.crt"
    bundle.touch()
    monkeypatch.setenv("PIP_INDEX_URL", "https://user:canary@index.example/simple")
    monkeypatch.setenv("PIP_FIND_LINKS", f"{wheels} https://wheels.example/")
    monkeypatch.setenv("PIP_CERT", str(bundle))
    monkeypatch.setenv("PIP_QUIET", "3")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    mounted = pip_settings.volumes(scratch)
    conf = scratch / "pip.conf"
    assert mounted[0] == f"{conf}:/etc/pip.conf:ro"
    assert {f"{bundle}:{bundle}:ro", f"{wheels}:{wheels}:ro"} == set(mounted[1:])
    assert stat.S_IMODE(conf.stat().st_mode) == 0o600
    parsed = configparser.RawConfigParser()
    parsed.read(conf)
    assert parsed["global"]["index-url"] == "https://user:canary@index.example/simple"
    assert "quiet" not in parsed["global"]
    assert not any("canary" in volume for volume in mounted), "nothing secret in a process's arguments"


def test_images_without_root_are_refused_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_MESH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("OTEL_MESH_STATE", str(tmp_path / "state"))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(
        toolchain,
        "choices",
        lambda names: [Choice(name, "official", "v1", tmp_path / "v1-key" / name) for name in names],
    )
    monkeypatch.setattr(making, "prometheus_page", lambda **_: tmp_path / "page.tar")
    with pytest.raises(CommandError, match="needs root"):
        making.make()
    assert not (tmp_path / "state").exists()
    assert not (tmp_path / "cache" / "images" / "archives").exists()


def test_a_base_is_known_by_recipe_and_package_versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_MESH_CACHE", str(tmp_path))
    root = ROOTS[0]
    assert roots.known(root) is None
    folder = roots._folder(root)  # noqa: SLF001 - where a finished base lies is this module's secret
    folder.mkdir(parents=True)
    (folder / "packages.txt").write_text("python3 3.11.2\n")
    first = roots.known(root)
    (folder / "packages.txt").write_text("python3 3.11.3\n")
    second = roots.known(root)
    assert first
    assert second
    assert first.identity != second.identity
    assert roots.known(Root(root.name, (*root.packages, "curl"))) is None


def test_a_public_base_is_known_by_its_digest_in_whatever_registry() -> None:
    def plan(base: str) -> making.Plan:
        return making._plan(SERVICES[0], {}, base)  # noqa: SLF001 - building takes root and minutes

    first, moved, other = (
        plan("a.example/python@sha256:1"),
        plan("b.example/x@sha256:1"),
        plan("a.example/python@sha256:2"),
    )
    assert first.reference == moved.reference != other.reference
    assert (first.base, first.root) == ("a.example/python@sha256:1", None)
