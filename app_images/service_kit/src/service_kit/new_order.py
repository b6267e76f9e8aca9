"""The body of ``POST /orders``, which the gateway checks first and order-service again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from service_kit.money import Price  # noqa: TC001 - pydantic reads it at run time

if TYPE_CHECKING:
    from collections.abc import Sequence

Id = Annotated[int, Field(gt=0, lt=2**63)]


class Item(BaseModel):
    """So many of one product.

    Attributes:
        product_id: of the catalogue of products.
        quantity: at least one.
        price: of one of them in the shop's currency, as the buyer was shown it: text such as ``"29.99"`` in the body,
            hundredths here. It decides nothing: an order is refused whose price is not the shop's own. Without it the
            buyer takes the shop's.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)

    product_id: Id
    quantity: Annotated[int, Field(gt=0, le=1000)]
    price: Price | None = None


def _each_once(items: Sequence[Item]) -> Sequence[Item]:
    if len({item.product_id for item in items}) != len(items):
        raise ValueError("a product is named twice; add the quantities up")
    return items


class NewOrder(BaseModel):
    """What somebody wants to buy.

    Attributes:
        user_id: the buyer.
        items: what, each product once.
        payment_method: token of a payment method that payment-service knows; those of the demonstration are in
            `payment_service.methods`. Never a card's number.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)

    user_id: Id
    items: Annotated[list[Item], Field(min_length=1, max_length=50), AfterValidator(_each_once)]
    payment_method: Annotated[str, Field(pattern=r"^pm_[a-z0-9_]{1,60}$")] = "pm_demo_approved"
