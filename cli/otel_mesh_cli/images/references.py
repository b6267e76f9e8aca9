"""Names of images and of their registries."""

from __future__ import annotations

import ipaddress
import re
from typing import Final

from otel_mesh_cli.core.errors import CommandError

LOCAL_REGISTRY: Final = "otel-mesh.local"
"""Registry in the names of images that are in no registry: a node that lacks one cannot pull it from elsewhere."""
_REPOSITORIES = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)*(?::\d{1,5})?(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*")
_TAG = re.compile(r":[^/:]+$")


def host(reference: str) -> str:
    """Registry of a reference, with its port: ``127.0.0.1:5000`` of ``127.0.0.1:5000/shop/api:1``."""
    first, _, rest = reference.partition("/")
    return first if rest and (first == "localhost" or re.search(r"[.:]", first)) else "docker.io"


def is_loopback(reference: str) -> bool:
    """Whether the registry is on this machine's loopback interface, where plain HTTP is safe."""
    name = re.sub(r":\d+$", "", host(reference)).strip("[]")
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def repository(reference: str) -> str:
    """A reference without its tag and digest."""
    return _TAG.sub("", reference.partition("@")[0])


def full_name(reference: str) -> str:
    """A reference with its registry and tag, as a node knows it: ``docker.io/library/nginx:latest`` of ``nginx``."""
    registry = host(reference)
    rest = reference.removeprefix(f"{registry}/")
    if registry == "docker.io" and "/" not in rest:
        rest = f"library/{rest}"
    return f"{registry}/{rest}" if "@" in rest or _TAG.search(rest) else f"{registry}/{rest}:latest"


def one_name(reference: str) -> str:
    """A reference without its tag if it has a digest too: programs take one of them."""
    _, at, digest = reference.partition("@")
    return pinned(reference, digest) if at else reference


def pinned(reference: str, digest: str) -> str:
    """A reference by digest alone: a tag that moves later changes nothing."""
    return f"{repository(reference)}@{digest}"


def require_registry(registry: str) -> None:
    """Refuse text that is not the host and path of a registry.

    Raises:
        CommandError: the text names none.
    """
    if not _REPOSITORIES.fullmatch(registry) or host(f"{registry}/x") != registry.partition("/")[0]:
        raise CommandError(
            f"registry {registry!r}: not the host and path of a registry",
            remedy="write both, as in --registry registry.example.com/shop",
        )
