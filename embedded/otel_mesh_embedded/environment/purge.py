"""`otel-mesh down --purge`: the whole environment is removed, with its data."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.paths import cache_dir, state_dir
from otel_mesh_embedded.node import cluster
from otel_mesh_embedded.node.machine import preflight, state_folder
from otel_mesh_embedded.supervision import machine_lock

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def run(progress: Callable[[str], None]) -> None:
    """Stop the environment, if there is one, and remove everything but the cache of programs and images.

    Raises:
        CommandError: the state folder holds something else, or cannot be removed.
    """
    preflight.check_rights()
    folder = state_dir()
    with machine_lock.hold("otel-mesh down"):
        if folder.exists():
            state_folder.check(folder)
            cluster.stop(progress)
            if left := cluster.leftovers():
                raise CommandError(f"still there: {'; '.join(left)}", remedy="run it again")
            _remove(folder, progress)
        machine_lock.path().unlink(missing_ok=True)
    progress(
        f"programs and images stay in {cache_dir()}: they are costly to make again; remove it when nobody needs it"
    )


def _remove(folder: Path, progress: Callable[[str], None]) -> None:
    # The mark goes last: whatever this is killed at, the next call still knows the folder.
    for path in sorted(folder.iterdir(), key=lambda path: path.name == state_folder.MARK):
        progress(f"removing {path}")
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    folder.rmdir()
