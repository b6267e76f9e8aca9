"""Images made elsewhere, as files: archives of ``docker save``, OCI archives and OCI layouts.

containerd imports a tar file and names an image by what the file says. OCI files may say a tag only, or nothing; those
are written anew with the image's full name.
"""

from __future__ import annotations

import io
import json
import tarfile
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.images.references import full_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_INDEX: Final = "index.json"
_DOCKER: Final = "manifest.json"
_LAYOUT: Final = "oci-layout"
_ENDINGS: Final = (".tar", ".tar.gz", ".tgz")
_NAME: Final = "io.containerd.image.name"
_REF_NAME: Final = "org.opencontainers.image.ref.name"
_REMEDY: Final = "give an archive of `docker save`, an OCI archive or an OCI layout"


@dataclass(frozen=True)
class OutsideArchive:
    """A file or folder with images."""

    path: Path
    names: tuple[str, ...]
    """Full names of its images."""
    index: dict[str, Any] | None
    """OCI index in which every image has its full name; None if containerd reads the names from the file itself."""

    @contextmanager
    def tar(self, scratch: Path) -> Iterator[Path]:
        """The images as a tar file that containerd imports.

        Args:
            scratch: Folder for a file that is written anew.
        """
        if self.index is None:
            yield self.path
            return
        fresh = scratch / "images.tar"
        with tarfile.open(fresh, "w") as made:
            content = json.dumps(self.index).encode()
            entry = tarfile.TarInfo(_INDEX)
            entry.size = len(content)
            made.addfile(entry, io.BytesIO(content))
            if self.path.is_dir():
                for name in (_LAYOUT, "blobs"):
                    made.add(self.path / name, name)
            else:
                with tarfile.open(self.path) as given:
                    for member in given:
                        if member.name.removeprefix("./") != _INDEX:
                            made.addfile(member, given.extractfile(member) if member.isfile() else None)
        try:
            yield fresh
        finally:
            fresh.unlink()


def find(path: Path) -> list[Path]:
    """The archives that a path names: itself, or the archives in a folder that is not an OCI layout.

    Raises:
        CommandError: There is none.
    """
    if not path.exists():
        raise CommandError(f"{path}: no such file or folder", remedy=_REMEDY)
    if not path.is_dir() or (path / _LAYOUT).is_file():
        return [path]
    found = sorted(one for one in path.iterdir() if one.is_file() and one.name.endswith(_ENDINGS))
    if not found:
        raise CommandError(f"{path}: no archive in it ({', '.join(_ENDINGS)}), and no {_LAYOUT}", remedy=_REMEDY)
    return found


def read(path: Path, name: str | None = None) -> OutsideArchive:
    """The names of an archive's images.

    Args:
        path: File or OCI layout.
        name: Name of its only image, if the file does not say it.

    Raises:
        CommandError: It is not an archive of images, or an image has no full name.
    """
    documents = _documents(path)
    if isinstance(documents.get(_INDEX), dict):
        return _named(path, documents[_INDEX], name)
    try:
        tags = [tag for image in documents[_DOCKER] for tag in image["RepoTags"] or ()]
    except (KeyError, TypeError):
        raise CommandError(f"{path}: holds no images", remedy=_REMEDY) from None
    if not tags:
        raise CommandError(f"{path}: its images have no names", remedy="save them by name, as in `docker save NAME`")
    return OutsideArchive(path, tuple(full_name(tag) for tag in tags), None)


def _named(path: Path, index: dict[str, Any], name: str | None) -> OutsideArchive:
    manifests = index.get("manifests") or []
    if name and len(manifests) != 1:
        raise CommandError(f"{path}: holds {len(manifests)} images, --name names one", remedy="leave --name out")
    named = []
    for manifest in manifests:
        notes = manifest.get("annotations") or {}
        found = name or notes.get(_NAME) or notes.get(_REF_NAME) or ""
        if not name and _NAME not in notes and "/" not in found:  # a tag alone, or nothing
            reason = f"image {manifest.get('digest', '?')[:19]} has no name but {found!r}"
            raise CommandError(f"{path}: {reason}", remedy="name it with --name REPOSITORY:TAG")
        named.append({**manifest, "annotations": {**notes, _NAME: full_name(found)}})
    if not named:
        raise CommandError(f"{path}: holds no images", remedy=_REMEDY)
    names = tuple(str(one["annotations"][_NAME]) for one in named)
    return OutsideArchive(path, names, {**index, "manifests": named})


def _documents(path: Path) -> dict[str, Any]:
    """The JSON documents that list an archive's images, by name."""
    wanted = (_INDEX, _DOCKER)
    try:
        if path.is_dir():
            return {name: json.loads((path / name).read_bytes()) for name in wanted if (path / name).is_file()}
        with tarfile.open(path) as archive:
            members = ((one, archive.extractfile(one)) for one in archive if one.name.removeprefix("./") in wanted)
            return {one.name.removeprefix("./"): json.load(file) for one, file in members if file is not None}
    except tarfile.TarError:
        raise CommandError(f"{path}: not a tar file", remedy=_REMEDY) from None
    except (OSError, ValueError) as error:
        raise CommandError(f"{path}: cannot be read ({error})", remedy=_REMEDY) from None
