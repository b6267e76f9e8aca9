"""``baggage-*`` headers: a non-standard format from a widely copied tutorial; read if W3C baggage is missing.

There is one header per entry, ``baggage-user-tier: gold``. These headers are never written.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from opentelemetry import baggage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opentelemetry.context import Context

    from otel_mesh_telemetry.propagation.carrier import Lookup

PREFIX = "baggage-"

_MAX_ENTRIES = 32  # entries
_MAX_LENGTH = 4096  # characters of names and values together
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]{1,64}").fullmatch
_VALUE = re.compile(r"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]{1,256}").fullmatch  # baggage-octets of W3C


def read(names: Iterable[str], lookup: Lookup, context: Context) -> Context:
    """The context with the entries of the well-formed headers; malformed headers are ignored."""
    count = length = 0
    for header in names:
        name = header.lower()
        if not name.startswith(PREFIX):
            continue
        value = (lookup(header) or "").strip()
        name = name[len(PREFIX) :]
        if not _NAME(name) or not _VALUE(value):
            continue
        count += 1
        length += len(name) + len(value)
        if count > _MAX_ENTRIES or length > _MAX_LENGTH:
            break
        context = baggage.set_baggage(name, value, context)
    return context
