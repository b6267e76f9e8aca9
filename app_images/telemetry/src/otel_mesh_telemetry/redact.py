"""Text without what it may carry of secrets: URLs, messages, named values."""

from __future__ import annotations

import re
from urllib.parse import urlsplit, urlunsplit

REDACTED = "REDACTED"
_LONGEST = 1024
_LONGEST_TEXT = 32_768
_SECRET_NAMES = ("password", "passwd", "passphrase", "secret", "token", "credential", "authorization", "cookie")
_SECRET_NAME = re.compile("|".join((*_SECRET_NAMES, "api[_-]?key")), re.IGNORECASE)
_PAIR = rf"\b(\w*(?:{'|'.join(_SECRET_NAMES)}|api[_-]?key))\b([\"']?[ ]?[:=][ ]?[\"']?)"
_IN_TEXT = (
    (re.compile(r"(?i)\b(bearer|basic) +[\w.~+/=-]{6,}"), rf"\1 {REDACTED}"),
    (re.compile(r"://[^/\s:@]*:[^/\s@]*@"), f"://{REDACTED}@"),
    (re.compile(rf"(?i){_PAIR}(?!bearer|basic)[^\s\"',;&]+"), rf"\1\2{REDACTED}"),
)


def query(text: str) -> str:
    """A query string with every value replaced; the names stay, they are the interface."""
    return "&".join(
        f"{name}={REDACTED}" if separator else name
        for name, separator, _ in (part.partition("=") for part in text[:_LONGEST].split("&"))
    )


def url(text: str) -> str:
    """A URL without credentials, query values and fragment; what is no URL gives nothing away at all."""
    try:
        parts = urlsplit(text[:_LONGEST])
    except ValueError:
        return REDACTED
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, query(parts.query) if parts.query else "", ""))


def text(message: str) -> str:
    """A message with credentials in URLs, ``Bearer`` and ``Basic`` values and ``password=...`` pairs replaced.

    A net for accidents, not a licence to log secrets: it knows the usual shapes only.
    """
    result = message if len(message) <= _LONGEST_TEXT else message[:_LONGEST_TEXT] + "..."
    for pattern, replacement in _IN_TEXT:
        result = pattern.sub(replacement, result)
    return result


def value(name: str, content: object) -> object:
    """A named value as it may be recorded: nothing of it where the name says that it is a secret."""
    if _SECRET_NAME.search(name):
        return REDACTED
    return text(content) if isinstance(content, str) else content
