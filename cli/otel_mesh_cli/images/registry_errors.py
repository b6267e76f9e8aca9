"""What docker, podman, buildah and skopeo say when a registry or a disk refuses, as reason and remedy."""

from __future__ import annotations

import re
from typing import Final

from otel_mesh_cli.core.errors import CommandError

_BROKEN_LOGIN = re.compile(r"error getting credentials|docker-credential-", re.IGNORECASE)
_ABSENT = re.compile(
    r"manifest unknown|name unknown|not found|no such manifest|\b404\b|repository does not exist", re.IGNORECASE
)
_REFUSED = re.compile(r"unauthorized|denied|forbidden|authentication required|no basic auth|\b40[13]\b", re.IGNORECASE)
_CAUSES: Final[tuple[tuple[re.Pattern[str], str, str], ...]] = (
    (
        re.compile(r"no space left on device|disk quota exceeded", re.IGNORECASE),
        "the disk is full",
        "free space, e.g. with `{prune}`",
    ),
    (
        _BROKEN_LOGIN,
        "the program that keeps the registry's credentials failed",
        "install it, or remove credsStore and credHelpers from ~/.docker/config.json and run `{program} login {host}`",
    ),
    (
        re.compile(r"server gave HTTP response to HTTPS client"),
        "speaks plain HTTP, allowed on this machine's loopback interface only",
        "give it a certificate",
    ),
    (
        re.compile(r"x509|certificate"),
        "its certificate is not trusted here",
        "put its certificate authority into {certificates}/{host}/ca.crt",
    ),
    (
        re.compile(r"dial tcp|no such host|i/o timeout|unreachable|deadline exceeded|connection re|EOF|TLS handshake"),
        "is unreachable",
        "check the address and the network",
    ),
    (
        re.compile(r"\b405\b|unsupported|read.only", re.IGNORECASE),
        "takes no images",
        "name a registry that accepts pushes",
    ),
    (
        _REFUSED,
        "refused",
        "log in with `{program} login {host}`, and check that your account may push there",
    ),
)
_PRUNE: Final = {"buildah": "buildah rmi --prune"}
_CERTIFICATES: Final = {"docker": "/etc/docker/certs.d"}


def is_absent(text: str) -> bool:
    """Whether a registry answered that it has no such image, or none for this user."""
    return not _BROKEN_LOGIN.search(text) and bool(_ABSENT.search(text) or _REFUSED.search(text))


def described(place: str, registry: str, text: str, program: str) -> CommandError:
    """The error to raise for a program's message.

    Args:
        place: image or registry, as a message begins.
        registry: host of the registry.
        text: the program's message, on one line.
        program: name of the program that the user logs in with.
    """
    for pattern, reason, remedy in _CAUSES:
        if pattern.search(text):
            filled = remedy.format(
                host=registry,
                program=program,
                prune=_PRUNE.get(program, f"{program} system prune"),
                certificates=_CERTIFICATES.get(program, "/etc/containers/certs.d"),
            )
            return CommandError(f"{place}: {reason}: {text}", remedy=filled)
    return CommandError(f"{place}: {text}", remedy="see the registry's own log for the reason")
