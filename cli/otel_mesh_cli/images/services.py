"""The services' images: one for each program below app_images/, all from one Dockerfile."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.paths import repo_dir

if TYPE_CHECKING:
    from pathlib import Path

_BASE = re.compile(r"^ARG BASE_IMAGE=(\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class ServiceImage:
    """An image of a service.

    Attributes:
        name: name of the service in the catalog.
        folder: name of the service's folder below app_images/.
    """

    name: str
    folder: str

    @property
    def arguments(self) -> dict[str, str]:
        """Build arguments beside BASE_IMAGE."""
        return {"SERVICE": self.folder}


def dockerfile() -> Path:
    """The services' Dockerfile; its build context is the root of the checkout."""
    return repo_dir() / "app_images" / "Dockerfile"


def service_images() -> tuple[ServiceImage, ...]:
    """Images that no public registry has."""
    folders = sorted((repo_dir() / "app_images").iterdir())
    return tuple(
        ServiceImage(folder.name.replace("_", "-"), folder.name)
        for folder in folders
        if (folder / "src" / folder.name / "__main__.py").exists()
    )


def default_base() -> str:
    """Public base image that the Dockerfile names.

    Raises:
        CommandError: the Dockerfile names none, or several.
    """
    named = set(_BASE.findall(dockerfile().read_text()))
    if len(named) != 1:
        raise CommandError(f"app_images/Dockerfile: {len(named)} defaults of BASE_IMAGE", remedy="leave exactly one")
    return str(named.pop())
