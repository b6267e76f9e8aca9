"""URLs without what they may carry of secrets."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

REDACTED = "REDACTED"
_LONGEST = 1024


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
