"""``POST /api/orders``: the buyer is checked, then the order placed and paid."""

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
    """An order as order-service tells of it, and as the gateway's caller hears of it."""

    order_id: int
    status: str


class Orders:
    """The handler.

    Args:
        find_user: raises a `Problem` where there is no such user, or user-service fails.
        client: of order-service.
        tracer: of the gateway.
        checkout: how long an order may take, and how long it took.
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
        """``POST /api/orders``: 201 for an order that is paid.

        400 for a body that is no JSON or a bad Idempotency-Key, 422 for one that does not fit, an unknown product, a
        price that is not the shop's and a key used for another order; 404 for no such user; 402 for a payment that was
        declined; 409 for a repetition of what was cancelled meanwhile; 502 to 504 where a service fails. An order that
        exists then is named in the problem: repeating the request with its Idempotency-Key tells what became of it.
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
                        # only with a key may anybody on the way repeat the request
                        headers={} if key is None else {idempotency.HEADER: key},
                        model=Placed,
                    )
                except Problem as problem:
                    if problem.members and "order_id" in problem.members:
                        span.set_attribute("order.id", problem.members["order_id"])
                    raise
                span.set_attributes({"order.id": placed.order_id, "order.status": placed.status})
        return JSONResponse(placed.model_dump(), 201)
