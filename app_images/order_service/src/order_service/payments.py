"""The client of payment-service."""

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
    """Status of a payment in payment-service's response."""

    CAPTURED = "captured"
    DECLINED = "declined"
    VOIDED = "voided"
    REFUNDED = "refunded"


class _Payment(BaseModel):
    payment_status: Outcome


class Payments:
    """Client whose calls are idempotent by the order's key, so that any replica may repeat them.

    Args:
        client: HTTP client of payment-service.
    """

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def charge(self, order: Order) -> Outcome:
        """Charge the buyer of an order, or get the outcome of an earlier charge.

        Raises:
            Problem: 502 to 504 if payment-service fails; the buyer may or may not be charged.
        """
        body: dict[str, str | int] = {
            "order_id": order.id,
            "amount": order.total,
            "payment_method": order.payment_method,
        }
        accepted = {httpx.codes.CREATED, httpx.codes.PAYMENT_REQUIRED, httpx.codes.CONFLICT}
        return await self._post("/payments", body, order, accepted)

    async def cancel(self, order: Order) -> Outcome:
        """Refund an order's payment, or prevent a later one.

        Raises:
            Problem: 502 to 504 if payment-service fails.
        """
        return await self._post("/cancellations", {"order_id": order.id}, order, {httpx.codes.OK})

    async def _post(self, path: str, body: dict[str, str | int], order: Order, accepted: set[httpx.codes]) -> Outcome:
        with calling(PEER):
            response = await self._client.post(
                path, json=body, headers={HEADER: order.payment_key}, extensions={"url_template": path}
            )
        require(PEER, response, accepted)
        return parsed(PEER, response, _Payment).payment_status
