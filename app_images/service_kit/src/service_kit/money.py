"""Amounts of the shop's currency: whole hundredths in programs and databases, decimal text on the wire.

A JSON number with a fraction is a binary float in most clients and proxies on its way, which holds few amounts exactly:
it is refused, not rounded.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainSerializer

_HUNDRED = 100
_TEXT = re.compile(r"(?:0|[1-9][0-9]{0,8})\.[0-9]{2}")


def cents(text: Any) -> int:  # noqa: ANN401 - whatever a body holds
    """The amount that a text such as ``29.99`` spells, in hundredths.

    Raises:
        ValueError: it is something else; the message holds nothing of it.
    """
    if not isinstance(text, str) or _TEXT.fullmatch(text) is None:
        raise ValueError('must be text with two decimals, such as "29.99"')
    return int(text.replace(".", ""))


def text(cents: int) -> str:
    """An amount in hundredths as decimal text; not negative."""
    return f"{cents // _HUNDRED}.{cents % _HUNDRED:02}"


Price = Annotated[int, BeforeValidator(cents), Field(gt=0), PlainSerializer(text)]
"""A field of a body: hundredths inside, decimal text outside."""
