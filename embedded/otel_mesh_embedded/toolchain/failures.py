"""Reason and remedy of a failed build, out of its log."""

from __future__ import annotations

import re

_UNREACHABLE = re.compile(
    r"no such host|dial tcp|i/o timeout|network is unreachable|connection refused|connection reset"
    r"|TLS handshake timeout|Temporary failure in name resolution|proxyconnect",
)
_NOISE = re.compile(r"^(#|go: downloading |note: module requires|\s*$)")
_REMEDIES: tuple[tuple[re.Pattern[str], str], ...] = (
    (_UNREACHABLE, "connect this machine to a Go module proxy (GOPROXY, HTTPS_PROXY), then run the command again"),
    (re.compile(r"no space left on device"), "free space, then run the command again"),
    (re.compile(r"signal: killed|out of memory|cannot allocate"), "free memory, then run the command again"),
    (re.compile(r"checksum mismatch|missing go\.sum entry"), "restore the module folder from the repository"),
    (re.compile(r"40[34] |410 Gone"), "name a module proxy that serves this version (GOPROXY)"),
)
_LONGEST = 300


def explain(log: str) -> tuple[str, str]:
    """Reason and remedy of a failed build: the last line of its log with a reason, preferably of a known cause."""
    lines = [line.strip() for line in log.splitlines() if not _NOISE.match(line)]
    for pattern, remedy in _REMEDIES:
        found = [line for line in lines if pattern.search(line)]
        if found:
            prefix = "no network: " if pattern is _UNREACHABLE else ""
            return _short(prefix + found[-1]), remedy
    return _short(lines[-1] if lines else "no output"), "read the log"


def _short(line: str) -> str:
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}..."
