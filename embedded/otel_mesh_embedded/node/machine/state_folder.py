"""The state folder as a whole: which one is an environment's, and may thus be removed.

Only a folder that carries our mark is removed, and only when nothing but the environment's own is in it: one that was
pointed at somebody's home stays as it is.
"""

from __future__ import annotations

from pathlib import Path

from otel_mesh_cli.core import files
from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.paths import repo_dir

MARK = ".otel-mesh-state"
_MARK_TEXT = "State of an otel-mesh environment: `make down PURGE=1` removes this folder.\n"
OWN = frozenset({MARK, "bin", "images.json", "kubeconfig", "logs", "node", "node.json", "pulumi", "secrets", "volumes"})
"""All that an environment makes in its state folder."""


def mark(folder: Path) -> None:
    """Mark a folder as an environment's state, unless it holds something else.

    Args:
        folder: of the state; it may not be there yet.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not _foreign(folder):
        files.write(folder / MARK, _MARK_TEXT)


def check(folder: Path) -> None:
    """Refuse a folder whose removal would take something else along.

    Raises:
        CommandError: it says what.
    """
    place = f"state folder {folder}"
    if folder.is_symlink():
        raise CommandError(f"{place}: a link", remedy=f"set OTEL_MESH_STATE to {folder.resolve()}")
    if folder.is_mount() or folder == Path.home() or repo_dir().is_relative_to(folder):
        raise CommandError(f"{place}: not only this environment's", remedy="remove by hand what is not needed")
    if not (folder / MARK).is_file():
        raise CommandError(
            f"{place}: has no file {MARK}, so it may not be an environment's",
            remedy="run `make up` once if it is, or remove it by hand",
        )
    if foreign := _foreign(folder):
        raise CommandError(
            f"{place}: holds {', '.join(foreign[:5])}, which no environment made",
            remedy="move that elsewhere, then run it again",
        )


def _foreign(folder: Path) -> list[str]:
    names = (path.name for path in folder.iterdir())
    return sorted(name for name in names if name not in OWN and not _is_scratch(name))


def _is_scratch(name: str) -> bool:
    """A file of ours that was not whole yet when its writer was killed."""
    return any(name.startswith(f".{own}.") for own in OWN)
