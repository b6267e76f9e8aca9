"""Pushing images to a registry that another cluster pulls from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_mesh_embedded.images.making import archive
from otel_mesh_embedded.images.recipes import REGISTRY
from otel_mesh_embedded.images.skopeo import Skopeo

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_MIB = 1 << 20


def publish(references: Mapping[str, str], registry: str, say: Callable[[str], None]) -> dict[str, str]:
    """Push images that a registry lacks.

    Args:
        references: local reference by image name.
        registry: host and path that each image's repository goes below.
        say: called with a line per image that is pushed.

    Returns:
        Reference with tag and digest in the registry, by image name.

    Raises:
        CommandError: the registry does not answer or refuses an image.
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
