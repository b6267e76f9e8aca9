"""The Idempotency-Key header (draft-ietf-httpapi-idempotency-key-header): repeated requests take effect once."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from service_kit.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

HEADER = "idempotency-key"
_KEY = re.compile(r'"?([A-Za-z0-9._~:+/=-]{1,128})"?')


def key_of(headers: Mapping[str, str]) -> str | None:
    """The key of a request; None without the header.

    The draft requires a quoted string; unquoted keys, as sent by most clients, are accepted too.

    Raises:
        Problem: 400 if the key is malformed.
    """
    text = headers.get(HEADER)
    if text is None:
        return None
    match = _KEY.fullmatch(text.strip())
    if match is None:
        raise Problem(400, f"{HEADER}: must be 1 to 128 letters, digits or any of ._~:+/=-")
    return match[1]


def required_key_of(headers: Mapping[str, str]) -> str:
    """The key of a request that requires one.

    Raises:
        Problem: 400 if the key is missing or malformed.
    """
    key = key_of(headers)
    if key is None:
        raise Problem(400, f"{HEADER}: missing; send the same key with every repetition of this request")
    return key


def reused() -> Problem:
    """The problem for a key that was used with a different body before: 422, as in the draft."""
    return Problem(422, f"{HEADER}: was used for another request; send a new key")
