"""Putting the archives into containerd."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_embedded.images.making import archive
from otel_mesh_embedded.places import images_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def import_all(ctr: Sequence[str], references: Iterable[str] | None = None) -> list[str]:
    """Import the images that containerd lacks.

    Args:
        ctr: the ctr command with its address and namespace.
        references: of the images; those of `images_file` by default.

    Returns:
        The references that were imported.

    Raises:
        CommandError: an archive is missing, or containerd refused one.
    """
    wanted = json.loads(images_file().read_text()).values() if references is None else references
    present = set(_ctr(ctr, ["images", "list", "--quiet"], "containerd").split())
    missing = [reference for reference in sorted(wanted) if reference not in present]
    for reference in missing:
        file = archive(reference)
        if not file.exists():
            raise CommandError(f"{file}: missing", remedy="run make up again: it is built anew")
        _ctr(ctr, ["images", "import", str(file)], reference)
    return missing


def _ctr(ctr: Sequence[str], arguments: Sequence[str], subject: str) -> str:
    done = subprocess.run([*ctr, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        reason = (done.stderr.strip() or "ctr failed").splitlines()[-1]
        raise CommandError(f"image {subject}: {reason}", remedy="see containerd's log, then run make up again")
    return done.stdout
