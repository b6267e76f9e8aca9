"""``POST /api/orders``: validates the buyer, then places the order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel
from starlette.responses import JSONResponse

from api_gateway.upstream import post_json
from otel_mesh_telemetry import deadline
from service_kit import idempotency
from service_kit.body import read_model
from service_kit.new_order import NewOrder
from service_kit.problem import Problem
from service_kit.steps import step

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import httpx
    from opentelemetry.trace import Tracer
    from starlette.requests import Request

    from api_gateway.checkout import Checkout


class Placed(BaseModel):
    """A placed order: order-service's response body, and the gateway's."""

    order_id: int
    status: str


class Orders:
    """HTTP handler of orders.

    Args:
        find_user: Function that raises a `Problem` if the user does not exist or user-service fails.
        client: HTTP client of order-service.
        tracer: Tracer of the gateway.
        checkout: Time limit and duration metric of orders.
    """

    def __init__(
        self,
        find_user: Callable[[int], Awaitable[object]],
        client: httpx.AsyncClient,
        tracer: Tracer,
        checkout: Checkout,
    ) -> None:
        self._find_user = find_user
        self._client = client
        self._tracer = tracer
        self._checkout = checkout

    async def create(self, request: Request) -> JSONResponse:
        """``POST /api/orders``: 201 for a paid order.

        400 for malformed JSON or a malformed Idempotency-Key; 422 for an invalid body, an unknown product, a wrong
        price or a key used for another order; 404 for an unknown user; 402 if the payment was declined; 409 for a
        repeated request whose order was cancelled; 502 to 504 if a service fails. If the order exists already, the
        problem contains its ID; a repeated request with the same Idempotency-Key returns its outcome.
        """
        with self._checkout.measured(request.headers):
            return await self._placed(request)

    async def _placed(self, request: Request) -> JSONResponse:
        key = idempotency.key_of(request.headers)
        wanted = await read_model(request, NewOrder)
        with deadline.within(self._checkout.seconds):
            with step(self._tracer, "validate user"):
                await self._find_user(wanted.user_id)
            with step(self._tracer, "create order") as span:
                try:
                    placed = await post_json(
                        self._client,
                        "order-service",
                        "/orders",
                        body=wanted,
                        # only requests with a key may be retried
                        headers={} if key is None else {idempotency.HEADER: key},
                        model=Placed,
                    )
                except Problem as problem:
                    if problem.members and "order_id" in problem.members:
                        span.set_attribute("order.id", problem.members["order_id"])
                    raise
                span.set_attributes({"order.id": placed.order_id, "order.status": placed.status})
        return JSONResponse(placed.model_dump(), 201)
