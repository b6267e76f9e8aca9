"""The states of an order and the legal transitions.

::

    created ──────> payment_pending ──────> paid
       │               │         └────────> payment_failed
       │               v
       │           cancelling
       v               v
    cancelled <────────┘

``created``: stored; payment-service has not been called. ``payment_pending``: payment-service may have been called, so
only it knows whether the buyer is charged. ``cancelling``: the payment is to be refunded or prevented. The other three
are final.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Status(StrEnum):
    """Status of an order."""

    CREATED = "created"
    PAYMENT_PENDING = "payment_pending"
    CANCELLING = "cancelling"
    PAID = "paid"
    PAYMENT_FAILED = "payment_failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """True if the status never changes again."""
        return not NEXT[self]


NEXT: Final[dict[Status, frozenset[Status]]] = {
    Status.CREATED: frozenset({Status.PAYMENT_PENDING, Status.CANCELLED}),
    Status.PAYMENT_PENDING: frozenset({Status.PAID, Status.PAYMENT_FAILED, Status.CANCELLING}),
    Status.CANCELLING: frozenset({Status.CANCELLED}),
    Status.PAID: frozenset(),
    Status.PAYMENT_FAILED: frozenset(),
    Status.CANCELLED: frozenset(),
}
"""Status -> legal next statuses."""

OPEN: Final = tuple(status for status in Status if NEXT[status])
"""Statuses that are not final; recovery settles orders with them."""


def require(before: Status, after: Status) -> None:
    """Reject an illegal state transition, which is a bug in this service.

    Raises:
        ValueError: The transition is illegal.
    """
    if after not in NEXT[before]:
        raise ValueError(f"an order that is {before} cannot become {after}")
