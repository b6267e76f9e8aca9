"""Importing images into containerd."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.run import run
from otel_mesh_embedded.images.making import archive

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def import_all(ctr: Sequence[str], references: Iterable[str]) -> list[str]:
    """Import those of these images that containerd lacks, and return their references.

    Raises:
        CommandError: an archive is missing, or containerd refused it.
    """
    present = digests(ctr)
    missing = [reference for reference in sorted(references) if reference not in present]
    for reference in missing:
        file = archive(reference)
        if not file.exists():
            raise CommandError(f"{file}: missing", remedy="run `otel-mesh up` again: it builds the image anew")
        _ctr(ctr, ["images", "import", str(file)], reference)
    return missing


def digests(ctr: Sequence[str]) -> dict[str, str]:
    """Digest of each image that containerd has, by its name; ctr is the command with its options.

    Raises:
        CommandError: containerd does not answer.
    """
    rows = (line.split() for line in _ctr(ctr, ["images", "list"], "of containerd").splitlines()[1:])
    return {row[0]: row[2] for row in rows}


def _ctr(ctr: Sequence[str], arguments: Sequence[str], subject: str) -> str:
    remedy = "see containerd's log, then run `otel-mesh up` again"
    return run([*ctr, *arguments]).require(f"image {subject}", remedy=remedy)
