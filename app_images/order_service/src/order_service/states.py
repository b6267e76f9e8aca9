"""The states of an order, and the only ways from one to another.

::

    created ──────> payment_pending ──────> paid
       │               │         └────────> payment_failed
       │               v
       │           cancelling
       v               v
    cancelled <────────┘

``created``: stored, nothing was asked of payment-service. ``payment_pending``: it may have been asked, so only it knows
whether the buyer is charged. ``cancelling``: it is to give back or never to take. The other three are final.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Status(StrEnum):
    """Where an order is."""

    CREATED = "created"
    PAYMENT_PENDING = "payment_pending"
    CANCELLING = "cancelling"
    PAID = "paid"
    PAYMENT_FAILED = "payment_failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether the order stays as it is."""
        return not NEXT[self]


NEXT: Final[dict[Status, frozenset[Status]]] = {
    Status.CREATED: frozenset({Status.PAYMENT_PENDING, Status.CANCELLED}),
    Status.PAYMENT_PENDING: frozenset({Status.PAID, Status.PAYMENT_FAILED, Status.CANCELLING}),
    Status.CANCELLING: frozenset({Status.CANCELLED}),
    Status.PAID: frozenset(),
    Status.PAYMENT_FAILED: frozenset(),
    Status.CANCELLED: frozenset(),
}
"""Status -> those that may follow it."""

OPEN: Final = tuple(status for status in Status if NEXT[status])
"""Those that recovery looks for."""


def require(before: Status, after: Status) -> None:
    """Refuses a way that is none: a mistake in this service, not in a request.

    Raises:
        ValueError: as said.
    """
    if after not in NEXT[before]:
        raise ValueError(f"an order that is {before} cannot become {after}")
