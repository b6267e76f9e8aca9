"""Identifiers in URL paths."""

from __future__ import annotations

from service_kit.problem import Problem

_MAX_ID = 2**63 - 1  # maximum of a bigint column
_DIGITS = 19


def positive_id(text: str) -> int:
    """The number in a path segment: decimal digits only, 1 to 2^63 - 1.

    Raises:
        Problem: 400 if the segment is not such a number.
    """
    if len(text) <= _DIGITS and text.isascii() and text.isdecimal() and 0 < int(text) <= _MAX_ID:
        return int(text)
    raise Problem(400, "the id must be a whole number from 1 to 9223372036854775807")
