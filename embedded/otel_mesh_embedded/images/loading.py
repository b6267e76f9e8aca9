"""Loading images that were made elsewhere into the node, for machines that reach no registry."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.run import run
from otel_mesh_embedded.images import outside_archives
from otel_mesh_embedded.images.importing import digests

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass(frozen=True)
class Loaded:
    """An image that the node has."""

    name: str
    """Full name, as pods have to write it."""
    digest: str
    """Digest of its manifest or index."""
    file: str
    """Where it came from."""


def load(
    ctr: Sequence[str], paths: Sequence[Path], progress: Callable[[str], None], name: str | None = None
) -> list[Loaded]:
    """Import images; all files are read before the first is imported.

    Args:
        ctr: ctr with its options for address and namespace.
        paths: Archives, OCI layouts, or folders with archives.
        progress: Called with each file.
        name: Name of the only image, if the file does not say it.

    Raises:
        CommandError: A file holds no images, one is for another machine's architecture, or containerd refused it.
    """
    files = [file for path in paths for file in outside_archives.find(path)]
    if name and len(files) != 1:
        raise CommandError(f"{len(files)} files, --name names the image of one", remedy="load them one at a time")
    archives = [outside_archives.read(file, name) for file in files]
    for archive in archives:
        progress(f"loading {archive.path}")
        with tempfile.TemporaryDirectory() as scratch, archive.tar(Path(scratch)) as tar:
            remedy = "save the image again, for this machine's architecture"
            run([*ctr, "images", "import", str(tar)]).require(str(archive.path), remedy=remedy)
    present = digests(ctr)
    return [Loaded(one, present[one], str(archive.path)) for archive in archives for one in archive.names]
