"""What registries must have before a stack is updated, asked through a builder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.images import references

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otel_mesh_cli.images.builder import Builder


def require_answer(builder: Builder, registry: str) -> None:
    """Refuse a registry that does not answer.

    Raises:
        CommandError: it does not, or the text is not one's host and path.
    """
    references.require_registry(registry)
    builder.exists(f"{registry}/otel-mesh:asked-whether-it-answers")


def pinned(builder: Builder, reference: str) -> str:
    """A base image by digest: a tag that moves later changes nothing.

    Raises:
        CommandError: there is no such image, or its registry does not answer.
    """
    digest = reference.partition("@")[2] or builder.digest(reference)
    if digest is None:
        remedy = "name an image that you may pull with --base-image, or make everything here with --images local"
        raise _absent(reference, remedy)
    return references.pinned(reference, digest)


def require(builder: Builder, wanted: Iterable[str]) -> None:
    """Refuse images that their registries do not have.

    Raises:
        CommandError: the first one that is missing, or whose registry does not answer.
    """
    program = "skopeo" if builder.name == "embedded" else builder.name
    for reference in dict.fromkeys(wanted):
        if not builder.exists(reference):
            login = f"{program} login {references.host(reference)}"
            raise _absent(reference, f"correct its name in the stack's file, or log in with `{login}`")


def _absent(reference: str, remedy: str) -> CommandError:
    place = references.host(reference)
    return CommandError(f"image {reference}: {place} has none of this name, or not for you", remedy=remedy)
