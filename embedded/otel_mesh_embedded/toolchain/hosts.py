"""The hosts of upstream's releases: which of them answer, or the mirror that stands for all of them."""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx

from otel_mesh_cli.core.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otel_mesh_embedded.toolchain.releases import Offer

MIRROR = "OTEL_MESH_RELEASES"
PROBE_SECONDS = 2.0
"""How long all official hosts together may take to answer, once per run."""
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def url(address: str) -> str:
    """An upstream address as it is asked for here: a mirror has each host's tree below its name.

    Raises:
        CommandError: the mirror is neither TLS nor on this machine's loopback.
    """
    mirror = os.environ.get(MIRROR, "").rstrip("/")
    if not mirror:
        return address
    if not is_safe(mirror):
        raise CommandError(f"{MIRROR}={mirror}: not https", remedy="name a mirror with TLS, or one on the loopback")
    return f"{mirror}/{address.removeprefix('https://')}"


def reachable(offers: Iterable[Offer]) -> frozenset[str]:
    """The roots, as ``https://host``, that answer, of all that the offers' releases are on."""
    return answering(frozenset(root(offer.official.url) for offer in offers if offer.official))


def root(address: str) -> str:
    """Where an upstream address is asked for: scheme and host."""
    parts = urlsplit(url(address))
    return f"{parts.scheme}://{parts.netloc}"


@cache
def answering(roots: frozenset[str]) -> frozenset[str]:
    """Which hosts answer, whatever they say, within the time that all of them together have; asked once per run."""
    found: set[str] = set()

    def ask(place: str) -> None:
        with suppress(httpx.HTTPError), httpx.Client(timeout=PROBE_SECONDS) as client:
            client.head(place)
            found.add(place)

    # Daemons: a resolver that does not answer would hold them, and so our end, for half a minute.
    threads = [threading.Thread(target=ask, args=[place], daemon=True) for place in roots]
    for thread in threads:
        thread.start()
    end = time.monotonic() + PROBE_SECONDS
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    return frozenset(found)


def is_safe(address: str) -> bool:
    """Whether nobody on the way can change what comes from an address."""
    parts = urlsplit(address)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
