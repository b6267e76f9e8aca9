"""The Idempotency-Key header (draft-ietf-httpapi-idempotency-key-header): doing once what is asked for twice."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from service_kit.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

HEADER = "idempotency-key"
_KEY = re.compile(r'"?([A-Za-z0-9._~:+/=-]{1,128})"?')


def key_of(headers: Mapping[str, str]) -> str | None:
    """The key of a request, None where it has none.

    The draft's form is a quoted string; the bare one, which most clients send, means the same.

    Raises:
        Problem: 400, the header holds no key.
    """
    text = headers.get(HEADER)
    if text is None:
        return None
    match = _KEY.fullmatch(text.strip())
    if match is None:
        raise Problem(400, f"{HEADER}: must be 1 to 128 letters, digits or any of ._~:+/=-")
    return match[1]


def required_key_of(headers: Mapping[str, str]) -> str:
    """The key of a request that must have one.

    Raises:
        Problem: 400, there is none.
    """
    key = key_of(headers)
    if key is None:
        raise Problem(400, f"{HEADER}: missing; send the same one with every repetition of this request")
    return key


def reused() -> Problem:
    """The answer to a key that came with another body before: 422, as the draft says."""
    return Problem(422, f"{HEADER}: was used for another request; send a new one")
