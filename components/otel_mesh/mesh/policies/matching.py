"""What the traffic policies share: matched headers, and lengths of time."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import AfterValidator, Field, model_validator

from otel_mesh.core.errors import InvalidSettingsError, Problem
from otel_mesh.core.values import Duration, Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

TRACE_VERSION: Final = "x-trace-version"
"""Header that the mesh sets to the version that a request was routed to: ``canary`` or ``stable``."""
TRAFFIC_WEIGHT: Final = "x-traffic-weight"
"""Header that the mesh sets to the share of the requests that the version gets, in percent."""
FAULT_INJECTED: Final = "x-fault-injected"
"""Header that the mesh sets on requests for which a fault is configured, whether or not they meet it."""
MARKERS: Final = (TRACE_VERSION, TRAFFIC_WEIGHT, FAULT_INJECTED)
"""Headers that only the mesh sets; its gateway removes those of clients."""

IDEMPOTENCY_HEADER: Final = "idempotency-key"
"""Header of requests that are safe to retry (draft-ietf-httpapi-idempotency-key-header)."""

_UNITS: Final = {"ms": Decimal("0.001"), "s": Decimal(1), "m": Decimal(60), "h": Decimal(3600)}

HeaderName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
"""Name of an HTTP header in lower case."""
HeaderValue = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,128}$")]
"""Value of an HTTP header that needs no quoting."""


class HeaderMatch(Settings):
    """A header that a request has.

    Attributes:
        name: Name of the header.
        value: Exact value of the header.
    """

    name: HeaderName
    value: HeaderValue = "true"

    @model_validator(mode="after")
    def _is_free(self) -> Self:
        if found := list(marker_problems("name", self.name)):
            raise InvalidSettingsError(found)
        return self


def marker_problems(path: str, name: str) -> Iterator[Problem]:
    """The problem of a header that clients cannot send.

    Args:
        path: Place of the header's name.
        name: Name of the header.
    """
    if name in MARKERS:
        reason = f"{name} is set by the mesh, and the gateway removes it from clients' requests"
        yield Problem(path, reason, "choose another header")


def seconds(duration: str) -> Decimal:
    """The length of a `Duration` in seconds."""
    parts = re.findall(r"([0-9]+)(ms|s|m|h)", duration)
    return sum((int(number) * _UNITS[unit] for number, unit in parts), Decimal(0))


def _positive(duration: str) -> str:
    if not seconds(duration):
        raise ValueError("is zero; write one such as 500ms or 10s")
    return duration


PositiveDuration = Annotated[Duration, AfterValidator(_positive)]
"""A `Duration` of at least one millisecond."""
