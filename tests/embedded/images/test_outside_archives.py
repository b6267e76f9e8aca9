"""Archives of images made elsewhere: the names of their images, and what is refused."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from typing import TYPE_CHECKING, Any

import pytest

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_embedded.images import outside_archives

if TYPE_CHECKING:
    from pathlib import Path

DIGEST = "sha256:" + "a" * 64


def tar(path: Path, documents: dict[str, Any]) -> Path:
    with tarfile.open(path, "w") as made:
        for name, document in documents.items():
            content = document if isinstance(document, bytes) else json.dumps(document).encode()
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            made.addfile(entry, io.BytesIO(content))
    return path


def index(*notes: dict[str, str]) -> dict[str, Any]:
    return {"schemaVersion": 2, "manifests": [{"digest": DIGEST, "size": 2, "annotations": one} for one in notes]}


def layout(path: Path, document: dict[str, Any]) -> Path:
    (path / "blobs" / "sha256").mkdir(parents=True)
    (path / "blobs" / "sha256" / ("a" * 64)).write_text("{}")
    (path / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (path / "index.json").write_text(json.dumps(document))
    return path


@pytest.mark.parametrize(
    ("tag", "full"),
    [
        ("nginx", "docker.io/library/nginx:latest"),
        ("linkerd/proxy:edge", "docker.io/linkerd/proxy:edge"),
        ("cr.l5d.io/linkerd/proxy:edge", "cr.l5d.io/linkerd/proxy:edge"),
        ("127.0.0.1:5000/shop/api:1", "127.0.0.1:5000/shop/api:1"),
        (f"quay.io/x@{DIGEST}", f"quay.io/x@{DIGEST}"),
    ],
)
def test_an_archive_of_docker_save_is_imported_as_it_is(tmp_path: Path, tag: str, full: str) -> None:
    path = tar(tmp_path / "a.tar", {"manifest.json": [{"RepoTags": [tag], "Config": "x", "Layers": []}]})
    archive = outside_archives.read(path)
    assert archive.names == (full,)
    with archive.tar(tmp_path) as given:
        assert given == path


def test_a_compressed_archive_is_read(tmp_path: Path) -> None:
    plain = tar(tmp_path / "a.tar", {"manifest.json": [{"RepoTags": ["cr.l5d.io/x/y:1"]}]})
    packed = tmp_path / "a.tar.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert outside_archives.read(packed).names == ("cr.l5d.io/x/y:1",)


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_an_oci_image_gets_its_full_name(tmp_path: Path, kind: str) -> None:
    document = index({"org.opencontainers.image.ref.name": "cr.l5d.io/linkerd/proxy:edge"})
    if kind == "folder":
        path = layout(tmp_path / "proxy", document)
    else:
        path = tar(tmp_path / "proxy.tar", {"./index.json": document, "./oci-layout": {}, "./blobs/sha256/a": b"{}"})
    archive = outside_archives.read(path)
    assert archive.names == ("cr.l5d.io/linkerd/proxy:edge",)
    with archive.tar(tmp_path) as given, tarfile.open(given) as made:
        names = [one.name for one in made if one.isfile()]
        assert len([name for name in names if name.endswith("index.json")]) == 1
        assert [name for name in names if "blobs/sha256/a" in name]
        file = made.extractfile("index.json")
        assert file is not None
        (manifest,) = json.load(file)["manifests"]
    assert manifest["annotations"]["io.containerd.image.name"] == "cr.l5d.io/linkerd/proxy:edge"
    assert manifest["digest"] == DIGEST
    assert not given.exists()


def test_a_name_from_outside_is_for_the_only_image(tmp_path: Path) -> None:
    path = layout(tmp_path / "one", index({"org.opencontainers.image.ref.name": "latest"}))
    assert outside_archives.read(path, "linkerd/proxy:edge").names == ("docker.io/linkerd/proxy:edge",)
    with pytest.raises(CommandError, match=r"has no name but 'latest'; name it with --name REPOSITORY:TAG"):
        outside_archives.read(path)
    two = layout(tmp_path / "two", index({}, {}))
    with pytest.raises(CommandError, match="holds 2 images, --name names one"):
        outside_archives.read(two, "linkerd/proxy:edge")


def test_a_folder_gives_its_archives(tmp_path: Path) -> None:
    for name in ("b.tar", "a.tgz", "notes.txt"):
        (tmp_path / name).touch()
    assert [one.name for one in outside_archives.find(tmp_path)] == ["a.tgz", "b.tar"]
    only = layout(tmp_path / "image", index())
    assert outside_archives.find(only) == [only]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"no tar", "not a tar file"),
        ({"readme": {}}, "holds no images"),
        ({"manifest.json": []}, "its images have no names"),
        ({"manifest.json": [{"RepoTags": None}]}, "its images have no names"),
        ({"manifest.json": {"x": 1}}, "holds no images"),
        ({"index.json": index()}, "holds no images"),
        ({"index.json": b"{"}, "cannot be read"),
    ],
)
def test_a_file_without_images_is_refused(tmp_path: Path, content: bytes | dict[str, Any], said: str) -> None:
    path = tmp_path / "x.tar"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        tar(path, content)
    with pytest.raises(CommandError, match=said) as refused:
        outside_archives.read(path)
    assert str(path) in str(refused.value)


def test_a_path_without_archives_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="no such file or folder"):
        outside_archives.find(tmp_path / "gone")
    with pytest.raises(CommandError, match="no archive in it"):
        outside_archives.find(tmp_path)
