"""The images and what goes into them, as image_recipes/images.toml lists them."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from otel_mesh_cli.core.paths import repo_dir
from otel_mesh_cli.images import services
from otel_mesh_cli.images.references import LOCAL_REGISTRY

if TYPE_CHECKING:
    from collections.abc import Mapping

RECIPES: Final = Path(__file__).parent.parent / "image_recipes"
REGISTRY: Final = LOCAL_REGISTRY
PAGE: Final = "page.tar"
"""Name in a build context of the page that Prometheus shows in a browser."""


@dataclass(frozen=True)
class Root:
    """A file system made of Debian packages, the base of images. Names of fields are part of the base's key."""

    name: str
    packages: tuple[str, ...]
    """Packages installed beside the essential ones."""
    without: tuple[str, ...] = ()
    """Patterns of files that are left out, beside `WITHOUT`."""
    prepare: tuple[str, ...] = ()
    """Shell lines run before the packages' own scripts."""
    finish: tuple[str, ...] = ()
    """Shell lines run at the end, before `FINISH`."""


@dataclass(frozen=True)
class Image:
    """An image and what it is built from."""

    name: str
    dockerfile: Path
    context: Path
    """Folder that the Dockerfile's COPY sources are relative to."""
    programs: tuple[str, ...] = ()
    """Programs of the toolchain in the build context, under their names."""
    root: str | None = None
    """Name of the `Root` that BASE_IMAGE stands for; None for an image without a base."""
    network: bool = False
    """Whether RUN steps fetch packages from a Python index."""
    arguments: Mapping[str, str] = field(default_factory=dict)
    """Build arguments beside BASE_IMAGE."""
    page: bool = False
    """Whether the build context has `PAGE`."""


def _root(**fields: Any) -> Root:  # noqa: ANN401 -- the fields of Root
    return Root(fields.pop("name"), **{name: tuple(values) for name, values in fields.items()})


def _image(*, name: str, programs: tuple[str, ...] = (), network: bool = False, **fields: Any) -> Image:  # noqa: ANN401
    folder = RECIPES / name
    context = repo_dir() if network else folder  # what RUN steps fetch is pinned by lock files of the checkout
    return Image(name, folder / "Dockerfile", context, tuple(programs), network=network, **fields)


_LISTED: Final = tomllib.loads((RECIPES / "images.toml").read_text())
WITHOUT: Final = tuple(_LISTED["without"])
"""Patterns of files that every base is made without."""
FINISH: Final = tuple(_LISTED["finish"])
"""Shell lines that end the making of every base."""
ROOTS: Final = tuple(_root(**fields) for fields in _LISTED["root"])
SERVICES: Final = tuple(
    Image(one.name, services.dockerfile(), repo_dir(), root="python", network=True, arguments=one.arguments)
    for one in services.service_images()
)
"""Images of the services, on a base made of the machine's packages unless another is asked for."""
IMAGES: Final = (*(_image(**fields) for fields in _LISTED["image"]), *SERVICES)
LOAD_GENERATOR: Final = "load-generator"
"""Image that a stack runs only if its settings ask for load."""
BACKUP_STORE: Final = "backup-store"
"""Image that a stack runs only if its backups are copied to an object store."""
