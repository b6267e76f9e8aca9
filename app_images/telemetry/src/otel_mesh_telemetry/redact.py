"""Removal of secrets from URLs, messages and named values.

A safety net for accidents that recognizes common formats only; it does not make logging secrets safe.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit, urlunsplit

REDACTED: Final = "REDACTED"
_MAX_LENGTH = 1024
_MAX_TEXT_LENGTH = 32_768
_MAX_DEPTH = 6
_MAX_ITEMS = 128

_WORDS: Final = (
    *("password", "passwd", "passphrase", "pwd", "secret", "token"),
    *("credential", "authorization", "cookie", "jwt", "signature"),
)
_HINTS: Final = (*_WORDS, "key", "pass")
_KEY_OR_PASS = re.compile(
    r"(?:api|access|private|account|encryption|signing)[_-]?key|(?<![a-z])pass(?![a-z])", re.IGNORECASE
).search


def names_a_secret(name: str) -> bool:
    """True if a name indicates a secret value: ``X-Vault-Token``, ``secret_key``, ``db.password``."""
    lower = name.lower()
    return any(word in lower for word in _WORDS) or _KEY_OR_PASS(lower) is not None


# Every repetition is possessive or excludes the characters that follow it, so that matching takes linear time on any
# input.
_SCHEME = re.compile(r"(?i)\b(bearer|basic) +[\w.~+/=-]{6,}")
_USER_INFO = re.compile(r"://(?:[^/\s?#]*|[^/\s:@]*+:[^/\s]*)@")
_PAIR = re.compile(
    r"""(?<![\w.-]) (?P<name>[\w.-]++) (?P<sign> \\*+ (?: ["']?\s{0,3}[:=]{1,2}>? | ["']\s{0,3}, ) \s{0,3} )
        (?P<value>
            (?P<open> [bBrRuUfF]{0,2} (?P<quote>\\*+["']) )
            (?P<inner> (?: (?!(?P=quote)) (?:\\.|[^\\]|\\\Z) )*+ ) (?P=quote)?
          | (?: (?i:bearer|basic|digest|negotiate)\ ++ )? (?: [^\s"',;&]++ | (?<=[:=]) (?: "[^"]*+"? | '[^']*+'? ) )++
        )""",
    re.VERBOSE | re.DOTALL,
)
_PRIVATE_KEY = re.compile(r"(?s)-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,40}KEY-----|\Z)")
_HEADER_VALUE = re.compile(r"(?i)(?P<scheme>(?:bearer|basic|digest|negotiate) +)?[^\r\n]*+")
_WHOLE_LINE = re.compile(r"(?i)(?:authorization|cookie)\Z")


def query(text: str) -> str:
    """A query string with all values replaced; the names are kept because they are part of the API."""
    return "&".join(
        f"{name}={REDACTED}" if separator else name
        for name, separator, _ in (part.partition("=") for part in text[:_MAX_LENGTH].split("&"))
    )


def url(text: str) -> str:
    """A URL without credentials, query values and fragment; an invalid URL is replaced entirely."""
    try:
        parts = urlsplit(text[:_MAX_LENGTH])
    except ValueError:
        return REDACTED
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, query(parts.query) if parts.query else "", ""))


def text(message: str) -> str:
    """A message without credentials in URLs, ``Bearer`` and ``Basic`` credentials, and values with secret names."""
    result = message if len(message) <= _MAX_TEXT_LENGTH else message[:_MAX_TEXT_LENGTH] + "..."
    if not result.isascii():
        # A lone surrogate (in a file name, for example) is not encodable as UTF-8 and would fail the whole OTLP batch.
        result = result.encode("utf-8", "backslashreplace").decode("utf-8")
    if "://" in result:
        result = _USER_INFO.sub(f"://{REDACTED}@", result)
    if "-----BEGIN " in result:
        result = _PRIVATE_KEY.sub(REDACTED, result)
    lower = result.lower()
    # The cheap search for fixed words comes first; most texts contain none.
    if any(hint in lower for hint in _HINTS):
        result = _pairs(result)
    if "bearer" in lower or "basic" in lower:
        result = _SCHEME.sub(rf"\1 {REDACTED}", result)
    return result


def _pairs(message: str) -> str:
    done: list[str] = []
    position = end = 0
    while match := _PAIR.search(message, position):
        name = match["name"]
        if not names_a_secret(name):
            # The value may start with a pair itself: message=password=...
            position = match.start("value")
            continue
        done.append(message[end : match.start("value")])
        value_end = match.end()
        if match["open"] is None and ":" in match["sign"] and _WHOLE_LINE.search(name):
            header = _HEADER_VALUE.match(message, match.start("value"))
            assert header is not None  # noqa: S101 - the pattern matches the empty string
            done.append(f"{header['scheme'] or ''}{REDACTED}")
            value_end = header.end()
        elif match["open"] is None:
            done.append(REDACTED)
        else:
            closing = match["quote"] if match.end() > match.end("inner") else ""
            done.append(f"{match['open']}{REDACTED}{closing}")
        position = end = value_end
    return "".join((*done, message[end:]))


def value(name: str, content: object) -> object:
    """A named value for recording; replaced entirely if the name indicates a secret.

    Mappings and sequences are redacted recursively; other objects are converted to redacted text.
    """
    return REDACTED if names_a_secret(name) else _content(content, _MAX_DEPTH)


def _content(content: object, depth: int) -> object:
    if content is None or isinstance(content, bool | int | float):
        return content
    if depth and isinstance(content, Mapping):
        pairs = [(str(key), found) for key, found in list(content.items())[:_MAX_ITEMS]]
        return {text(key): REDACTED if names_a_secret(key) else _content(found, depth - 1) for key, found in pairs}
    if depth and isinstance(content, list | tuple | set | frozenset):
        return [_content(found, depth - 1) for found in list(content)[:_MAX_ITEMS]]
    return text(content if isinstance(content, str) else _words(content))


def _words(content: object) -> str:
    if isinstance(content, bytes | bytearray):
        return bytes(content).decode("utf-8", "replace")
    try:
        return str(content)
    except Exception as error:  # noqa: BLE001 - a failing __str__ must not lose the record
        return f"<{type(content).__name__}: __str__ raised {type(error).__name__}>"
