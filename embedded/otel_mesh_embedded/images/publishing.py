"""Bringing images to a registry that another cluster pulls from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_mesh_embedded.images.making import archive
from otel_mesh_embedded.images.recipes import REGISTRY
from otel_mesh_embedded.images.skopeo import Skopeo

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_MIB = 1 << 20


def publish(references: Mapping[str, str], registry: str, say: Callable[[str], None]) -> dict[str, str]:
    """Push what the registry lacks.

    Args:
        references: name -> reference of images that were made here.
        registry: host and path below which each image has its repository.
        say: takes one line per image that is pushed.

    Returns:
        name -> reference in the registry, with the content's tag and the digest that the registry knows.

    Raises:
        CommandError: the registry does not answer or does not take an image.
    """
    skopeo = Skopeo()
    published = {}
    for name, reference in sorted(references.items()):
        target = f"{registry}/{reference.removeprefix(f'{REGISTRY}/')}"
        digest = skopeo.digest(target)
        if digest is None:
            file = archive(reference)
            say(f"pushing {target}, {file.stat().st_size // _MIB} MiB")
            digest = skopeo.push(file, target)
        published[name] = f"{target}@{digest}"
    return published
