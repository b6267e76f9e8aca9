"""The body of ``POST /orders``, validated by the gateway and by order-service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from service_kit.money import Price  # noqa: TC001 - pydantic reads it at run time

if TYPE_CHECKING:
    from collections.abc import Sequence

Id = Annotated[int, Field(gt=0, lt=2**63)]


class Item(BaseModel):
    """An item of an order.

    Attributes:
        product_id: ID of the product.
        quantity: Number of units, at least one.
        price: Unit price displayed to the buyer: decimal text such as ``"29.99"`` in the body, cents here. An order
            with a price other than the shop's is rejected. None: the shop's price applies.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)

    product_id: Id
    quantity: Annotated[int, Field(gt=0, le=1000)]
    price: Price | None = None


def _each_once(items: Sequence[Item]) -> Sequence[Item]:
    if len({item.product_id for item in items}) != len(items):
        raise ValueError("a product is listed twice; combine the quantities")
    return items


class NewOrder(BaseModel):
    """An order to be placed.

    Attributes:
        user_id: ID of the buyer.
        items: Ordered items, each product once.
        payment_method: Token of a payment method of payment-service, never a card number; the demonstration's tokens
            are in `payment_service.methods`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)

    user_id: Id
    items: Annotated[list[Item], Field(min_length=1, max_length=50), AfterValidator(_each_once)]
    payment_method: Annotated[str, Field(pattern=r"^pm_[a-z0-9_]{1,60}$")] = "pm_demo_approved"
