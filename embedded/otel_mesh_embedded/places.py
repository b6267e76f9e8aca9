"""Files that several rooms of the embedded environment name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_mesh_cli.core.paths import state_dir

if TYPE_CHECKING:
    from pathlib import Path


def images_file() -> Path:
    """JSON object of image names to references, for stack ``local`` (OTEL_MESH_IMAGES_FILE)."""
    return state_dir() / "images.json"
