"""Amounts of money: integer cents in programs and databases, decimal text in JSON.

JSON numbers with fractions are rejected: most clients and proxies parse them as binary floats, which cannot represent
most amounts exactly.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainSerializer

_HUNDRED = 100
_TEXT = re.compile(r"(?:0|[1-9][0-9]{0,8})\.[0-9]{2}")


def cents(text: Any) -> int:  # noqa: ANN401 - any JSON value
    """The amount in cents of a text such as ``29.99``.

    Raises:
        ValueError: The value is not such a text; the message does not contain it.
    """
    if not isinstance(text, str) or _TEXT.fullmatch(text) is None:
        raise ValueError('must be text with two decimals, such as "29.99"')
    return int(text.replace(".", ""))


def text(cents: int) -> str:
    """A non-negative amount in cents as decimal text."""
    return f"{cents // _HUNDRED}.{cents % _HUNDRED:02}"


Price = Annotated[int, BeforeValidator(cents), Field(gt=0), PlainSerializer(text)]
"""A price in a request or response body: cents in Python, decimal text in JSON."""
