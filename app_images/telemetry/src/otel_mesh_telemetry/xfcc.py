r"""The grammar of ``x-forwarded-client-cert`` (XFCC), as Envoy writes it.

Elements, one per proxy hop, are separated by commas; the pairs of an element by semicolons. Keys are case-insensitive.
Values may be quoted, and must be if they contain a comma, semicolon or equals sign. Inside quotes ``\"`` is a quote and
any other backslash is literal (distinguished names have their own escapes). By, URI and DNS may occur several times.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_MAX_LENGTH = 16_384
_MAX_ELEMENTS = 32

# Possessive, so that matching takes linear time on any header.
_PAIR = re.compile(
    r"""[ \t]*+(?P<key>[A-Za-z]++)=
        (?:"(?P<quoted>(?:[^"\\]|\\"|\\(?!"))*+)"[ \t]*+ | (?P<plain>[^",;]*+))
        (?P<end>[,;]|\Z)""",
    re.VERBOSE,
)
_REPEATABLE = frozenset({"by", "uri", "dns"})
_SINGLE = frozenset({"hash", "cert", "chain", "subject"})


@dataclass(frozen=True, slots=True)
class Element:
    """The client certificate seen by one proxy.

    Attributes:
        by: URIs in the proxy's own certificate.
        hash: SHA-256 of the client's certificate, hexadecimal.
        cert: Client's certificate, URL-encoded PEM.
        chain: Certificate chain, URL-encoded PEM.
        subject: Distinguished name of the certificate's subject; ``""`` if missing.
        uris: URI names of the certificate, which hold a mesh identity.
        dns: DNS names of the certificate.
    """

    by: tuple[str, ...] = ()
    hash: str = ""
    cert: str = ""
    chain: str = ""
    subject: str = ""
    uris: tuple[str, ...] = ()
    dns: tuple[str, ...] = ()


def parse(header: str) -> tuple[Element, ...]:
    """The elements in the order of the hops, the direct peer last.

    A header that is too long or malformed anywhere has no elements, because a partial identity must not be trusted.
    Unknown keys are ignored for compatibility with newer proxies.
    """
    if not header or len(header) > _MAX_LENGTH:
        return ()
    elements: list[Element] = []
    pairs: list[tuple[str, str]] = []
    position, end = 0, ","
    while end:
        match = _PAIR.match(header, position)
        if match is None:
            return ()
        quoted = match["quoted"]
        value = match["plain"].strip(" \t") if quoted is None else quoted.replace('\\"', '"')
        pairs.append((match["key"].lower(), value))
        position, end = match.end(), match["end"]
        if end != ";":
            element = _element(pairs)
            if element is None or len(elements) >= _MAX_ELEMENTS:
                return ()
            elements.append(element)
            pairs = []
    return tuple(elements)


def _element(pairs: list[tuple[str, str]]) -> Element | None:
    single: dict[str, str] = {}
    repeated: dict[str, list[str]] = {key: [] for key in _REPEATABLE}
    for key, value in pairs:
        if key in _REPEATABLE:
            repeated[key].append(value)
        elif key in _SINGLE:
            if key in single:
                return None  # of two subjects, one was not set by the proxy
            single[key] = value
    return Element(
        by=tuple(repeated["by"]),
        hash=single.get("hash", ""),
        cert=single.get("cert", ""),
        chain=single.get("chain", ""),
        subject=single.get("subject", ""),
        uris=tuple(repeated["uri"]),
        dns=tuple(repeated["dns"]),
    )
