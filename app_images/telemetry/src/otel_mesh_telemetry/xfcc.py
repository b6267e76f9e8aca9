r"""The grammar of ``x-forwarded-client-cert`` (XFCC), as Envoy writes it.

Elements are separated by commas, one per proxy hop; pairs of an element by semicolons. Keys are case-insensitive,
values may be quoted, and must be where they hold a comma, semicolon or equals sign; inside quotes ``\"`` stands
for a quote and any other backslash for itself (distinguished names have their own escapes). By, URI and DNS may
repeat.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_LONGEST = 16_384
_MOST_ELEMENTS = 32

# Possessive, so that every character is looked at once, whatever the header is.
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
    """What one proxy says of the certificate that its client showed.

    Attributes:
        by: URIs in the proxy's own certificate.
        hash: SHA-256 of the client's certificate, hexadecimal.
        cert: the certificate, URL-encoded PEM.
        chain: the chain, URL-encoded PEM.
        subject: its distinguished name, ``""`` for none.
        uris: its URI names: a mesh's identity.
        dns: its DNS names.
    """

    by: tuple[str, ...] = ()
    hash: str = ""
    cert: str = ""
    chain: str = ""
    subject: str = ""
    uris: tuple[str, ...] = ()
    dns: tuple[str, ...] = ()


def parse(header: str) -> tuple[Element, ...]:
    """Elements in the order of the hops, the direct peer last.

    A header that is malformed anywhere, or too long, gives none: half of an identity is none. Unknown keys are
    left out, so that a newer proxy is understood.
    """
    if not header or len(header) > _LONGEST:
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
            if element is None or len(elements) >= _MOST_ELEMENTS:
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
                return None  # two subjects: one of them is not the proxy's
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
