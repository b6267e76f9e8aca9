"""What order-service asks of payment-service."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import httpx
from pydantic import BaseModel

from service_kit.calls import calling, parsed, require
from service_kit.idempotency import HEADER

if TYPE_CHECKING:
    from order_service.order import Order

PEER = "payment-service"


class Outcome(StrEnum):
    """What became of a payment."""

    CAPTURED = "captured"
    DECLINED = "declined"
    VOIDED = "voided"
    REFUNDED = "refunded"


class _Payment(BaseModel):
    payment_status: Outcome


class Payments:
    """A client whose calls may be repeated at any time, from any replica: the order's key makes each one the same.

    Args:
        client: of payment-service.
    """

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def charge(self, order: Order) -> Outcome:
        """Take an order's payment, or hear what became of it.

        Raises:
            Problem: 502 to 504: payment-service fails, and whether the buyer is charged is unknown.
        """
        body: dict[str, str | int] = {
            "order_id": order.id,
            "amount": order.total,
            "payment_method": order.payment_method,
        }
        accepted = {httpx.codes.CREATED, httpx.codes.PAYMENT_REQUIRED, httpx.codes.CONFLICT}
        return await self._post("/payments", body, order, accepted)

    async def cancel(self, order: Order) -> Outcome:
        """Have an order's payment given back, or never taken.

        Raises:
            Problem: 502 to 504: payment-service fails.
        """
        return await self._post("/cancellations", {"order_id": order.id}, order, {httpx.codes.OK})

    async def _post(self, path: str, body: dict[str, str | int], order: Order, accepted: set[httpx.codes]) -> Outcome:
        with calling(PEER):
            response = await self._client.post(
                path, json=body, headers={HEADER: order.payment_key}, extensions={"url_template": path}
            )
        require(PEER, response, accepted)
        return parsed(PEER, response, _Payment).payment_status
