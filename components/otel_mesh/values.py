"""The plain values that settings are made of, checked where they enter.

Every settings model of the library derives from `Settings`: frozen, without unknown keys, and silent about
the offending input in its errors, because an input may be a secret typed into the wrong field.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

_SUFFIXES: Final = {
    "": Decimal(1),
    "m": Decimal("0.001"),
    "k": Decimal(10) ** 3,
    "M": Decimal(10) ** 6,
    "G": Decimal(10) ** 9,
    "T": Decimal(10) ** 12,
    "Ki": Decimal(2) ** 10,
    "Mi": Decimal(2) ** 20,
    "Gi": Decimal(2) ** 30,
    "Ti": Decimal(2) ** 40,
}
_QUANTITY: Final = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,9})?)(m|k|M|G|T|Ki|Mi|Gi|Ti|)")
_DNS_LABEL: Final = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
_DURATION: Final = re.compile(r"([0-9]{1,9}(ms|s|m|h))+")
_RETENTION: Final = re.compile(r"[0-9]{1,6}(h|d|w)")
_LABEL_VALUE: Final = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_NAME: Final = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_IMAGE: Final = re.compile(
    rf"(?=.{{1,512}}\Z)(?:[a-zA-Z0-9.-]+(?::[0-9]{{1,5}})?/)?{_NAME}(?:/{_NAME})*"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}(?:@sha256:[0-9a-f]{64})?|@sha256:[0-9a-f]{64})"
)


class Settings(BaseModel):
    """Plain values of a component: frozen, no unknown keys, inputs never repeated in errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


def quantity(text: str) -> Decimal:
    """Reads a Kubernetes quantity.

    Args:
        text: such as ``250m`` (cores), ``128Mi`` or ``1G`` (bytes).

    Returns:
        The value in base units: cores or bytes.

    Raises:
        ValueError: it is no quantity.
    """
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise ValueError("is no Kubernetes quantity; write one such as 250m, 128Mi or 1Gi")
    return Decimal(match[1]) * _SUFFIXES[match[2]]


_HOURS: Final = {"h": 1, "d": 24, "w": 7 * 24}


def hours(retention: str) -> int:
    """A `Retention` in hours."""
    return int(retention[:-1]) * _HOURS[retention[-1]]


def _positive_quantity(text: str) -> str:
    if quantity(text) <= 0:
        raise ValueError("must be more than zero; write a quantity such as 250m, 128Mi or 1Gi")
    return text


def _matching(pattern: re.Pattern[str], complaint: str) -> AfterValidator:
    def check(text: str) -> str:
        if pattern.fullmatch(text) is None:
            raise ValueError(complaint)
        return text

    return AfterValidator(check)


Quantity = Annotated[str, AfterValidator(_positive_quantity)]
"""A positive Kubernetes quantity, kept as written."""

DnsLabel = Annotated[
    str,
    _matching(
        _DNS_LABEL,
        "is no DNS label; use at most 63 lower case letters, digits and dashes, beginning with a letter",
    ),
]
"""A name that a Kubernetes Service may carry (RFC 1035 label)."""

LabelValue = Annotated[
    str,
    _matching(_LABEL_VALUE, "is no label value; use at most 63 letters, digits, dashes, dots and underscores"),
]
"""A non-empty value of a Kubernetes label."""

ImageReference = Annotated[
    str,
    _matching(_IMAGE, "is no pinned image; write repository:tag or repository@sha256:digest"),
]
"""A container image with a tag or a digest: what runs must not depend on the day it is pulled."""

Duration = Annotated[str, _matching(_DURATION, "is no duration; write one such as 500ms, 10s or 1m30s")]
"""A duration as Go programs read it."""

Retention = Annotated[str, _matching(_RETENTION, "is no retention; write hours, days or weeks such as 12h, 7d or 4w")]
"""How long data is kept: whole hours, days or weeks."""

Port = Annotated[int, Field(ge=1, le=65535)]
"""A TCP port."""

UnprivilegedPort = Annotated[int, Field(ge=1024, le=65535)]
"""A TCP port that a process without capabilities may listen on."""

Ratio = Annotated[float, Field(ge=0, le=1)]
"""A share between nothing (0) and everything (1)."""

Replicas = Annotated[int, Field(ge=1, le=100)]
"""How many pods of a workload run."""
