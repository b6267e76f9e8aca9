"""An order as this service keeps it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from order_service.states import Status


@dataclass(frozen=True, slots=True)
class Order:
    """What settling an order needs to know.

    Attributes:
        id: given by the database.
        status: where it is.
        total: in cents, from the shop's own prices.
        payment_method: token of the buyer's payment method.
        payment_key: by which payment-service knows its one payment; random, so that no two databases share one.
        is_late: whether the time for paying it is over; it is then compensated, not completed.
        traceparent: of the request that made it, for links from later traces; empty where there was none.
    """

    id: int
    status: Status
    total: int
    payment_method: str
    payment_key: str
    is_late: bool
    traceparent: str


@dataclass(frozen=True, slots=True)
class Line:
    """So many of one product, at the price of one in cents at the time of the order."""

    product_id: int
    quantity: int
    price: int
