"""Bringing images to a registry that another cluster pulls from."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_embedded.images.making import archive
from otel_mesh_embedded.images.recipes import REGISTRY
from otel_mesh_embedded.images.skopeo import Skopeo, host

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_REPOSITORIES = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)*(?::\d{1,5})?(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*")
_MIB = 1 << 20


def check_registry(registry: str) -> None:
    """Refuse what names no place for images, or one that does not answer.

    Raises:
        CommandError: as said.
    """
    if not _REPOSITORIES.fullmatch(registry) or host(f"{registry}/x") != registry.partition("/")[0]:
        raise CommandError(
            f"registry {registry!r}: names none",
            remedy="write its host and a path, as REGISTRY=registry.example.com/shop",
        )
    Skopeo().digest(f"{registry}/otel-mesh:asked-whether-it-answers")


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


def require(references: Iterable[str]) -> None:
    """Refuse images that their registries do not have.

    Raises:
        CommandError: the first one that is missing, or whose registry does not answer.
    """
    skopeo = Skopeo()
    for reference in dict.fromkeys(references):
        remedy = f"correct its name in the stack's file, or log in with `skopeo login {host(reference)}`"
        _digest(skopeo, reference, remedy)


def pinned(reference: str) -> str:
    """An image named by its digest, so that a tag that moves meanwhile changes nothing.

    Raises:
        CommandError: there is no such image, or its registry does not answer.
    """
    remedy = "name one with BASE_IMAGE=..., or make everything here with IMAGES=local"
    digest = _digest(Skopeo(), reference, remedy)
    return f"{re.sub(r':[^/:]+$', '', reference.partition('@')[0])}@{digest}"


def _digest(skopeo: Skopeo, reference: str, remedy: str) -> str:
    """The digest of an image that has to be there."""
    digest = skopeo.digest(reference)
    if digest is None:
        raise CommandError(f"image {reference}: {host(reference)} has none of this name, or not for you", remedy=remedy)
    return digest
