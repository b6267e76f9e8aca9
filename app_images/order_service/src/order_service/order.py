"""Data types of orders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from order_service.states import Status


@dataclass(frozen=True, slots=True)
class Order:
    """The data of an order that settling needs.

    Attributes:
        id: ID of the order.
        status: Status of the order.
        total: Total in cents, at the shop's prices.
        payment_method: Token of the buyer's payment method.
        payment_key: Idempotency key of the payment at payment-service; random, so that it is unique across databases.
        is_late: True: the payment window is over, and the order is cancelled instead of paid.
        traceparent: Traceparent of the request that created the order, for links from later traces; may be empty.
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
    """A line of an order.

    Attributes:
        product_id: ID of the product.
        quantity: Number of units.
        price: Unit price in cents at the time of the order.
    """

    product_id: int
    quantity: int
    price: int
