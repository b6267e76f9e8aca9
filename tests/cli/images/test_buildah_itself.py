"""The arguments for buildah with the program itself, out of Debian's package, and a registry on the loopback."""

from __future__ import annotations

import os
import tarfile
from typing import TYPE_CHECKING

import pytest

from otel_mesh_cli.core.paths import cache_dir
from otel_mesh_cli.images.programs import Buildah
from otel_mesh_cli.images.skopeo import Skopeo
from otel_mesh_embedded import packages
from otel_mesh_embedded.images.making import skopeo
from tests.embedded.images.docker_registry import docker_archive, running

if TYPE_CHECKING:
    from pathlib import Path

    from tests.built import Built


@pytest.fixture
def buildah(built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Buildah:
    """As a user has it who installed the package, with storage of its own."""
    prefix = built.debian("buildah")
    monkeypatch.setenv("OTEL_MESH_CACHE", str(cache_dir()))
    home = tmp_path / "home"
    configuration = home / ".config" / "containers"
    configuration.mkdir(parents=True)
    (configuration / "policy.json").write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
    (configuration / "registries.conf").touch()
    storage = f'[storage]\ndriver = "vfs"\nrunroot = "{tmp_path}/run"\ngraphroot = "{tmp_path}/storage"\n'
    (configuration / "storage.conf").write_text(storage)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("CONTAINERS_STORAGE_CONF", str(configuration / "storage.conf"))
    monkeypatch.setenv("CONTAINERS_REGISTRIES_CONF", str(configuration / "registries.conf"))
    for name, value in packages.environment(prefix).items():
        monkeypatch.setenv(name, value)
    return Buildah(str(prefix / "usr" / "bin" / "buildah"))


@pytest.mark.skipif(os.geteuid() != 0, reason="without root buildah needs subordinate IDs of the user")
def test_it_builds_pushes_pulls_and_saves(buildah: Buildah, built: Built, tmp_path: Path) -> None:
    for package in ("docker-registry", "skopeo"):
        built.debian(package)
    context = tmp_path / "context"
    context.mkdir()
    (context / "Dockerfile").write_text("FROM scratch\nARG SERVICE\nCOPY ${SERVICE} /\n")
    (context / "hello").write_text("hello")
    assert buildah.trouble() is None
    with running(tmp_path / "registry") as place:
        image = f"{place}/shop/hello:1"
        assert not buildah.has(image)
        assert not buildah.exists(image)
        buildah.build(context, image, {"SERVICE": "hello"}, tmp_path / "log")
        assert buildah.has(image)
        digest = buildah.push(image)
        assert buildah.exists(image)
        assert buildah.exists(f"{image}@{digest}")
        assert not buildah.exists(f"{image}@sha256:{'0' * 64}")
        assert buildah.published(image) == digest
        assert buildah.published(f"{place}/shop/gone:1") is None
        assert Skopeo(*skopeo()).digest(image) == digest
        assert Skopeo(*skopeo()).digest(f"{place}/shop/hello@{digest}") == digest
        base = f"{place}/shop/base:1"
        assert Skopeo(*skopeo()).push(docker_archive(tmp_path / "base.tar"), base) == buildah.pull(base)
        buildah.save(image, tmp_path / "image.tar")
    with tarfile.open(tmp_path / "image.tar") as archive:
        assert "manifest.json" in archive.getnames()
