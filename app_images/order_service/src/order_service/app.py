"""HTTP interface of order-service: ``POST /orders`` and ``GET /orders/{id}``."""

from __future__ import annotations

import contextlib
from importlib.resources import files
from typing import TYPE_CHECKING

from opentelemetry.trace import get_current_span
from starlette.responses import JSONResponse
from starlette.routing import Route

from order_service.payments import PEER, Payments
from order_service.recovery import Recovery, current_traceparent
from order_service.settling import Settling
from order_service.states import Status
from order_service.store import Store, Times
from otel_mesh_telemetry.http_client import mesh_client
from service_kit import idempotency, money
from service_kit.application import application
from service_kit.body import read_model
from service_kit.database import Database, DatabaseSettings, UnavailableError
from service_kit.experiments import features, order_patience
from service_kit.identifiers import positive_id
from service_kit.new_order import NewOrder
from service_kit.probes import Probes
from service_kit.problem import Problem

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.types import ASGIApp

    from order_service.order import Order
    from otel_mesh_telemetry.providers import Providers
    from service_kit.settings import Environment

_RETRY = {"Retry-After": "1"}


class Orders:
    """HTTP handlers of orders.

    Args:
        store: Store of the orders.
        settling: Component that takes orders to a final status.
    """

    def __init__(self, store: Store, settling: Settling) -> None:
        self._store = store
        self._settling = settling

    async def create(self, request: Request) -> JSONResponse:
        """``POST /orders``: 201 after the order is paid.

        400 and 422 for an invalid request, 402 if the payment was declined, 409 for a repeated request whose order was
        cancelled, 503 without a database, 502 to 504 if payment-service fails; recovery then settles the order later. A
        repeated request with the buyer's Idempotency-Key continues with the same order until the key expires.
        """
        key = idempotency.key_of(request.headers)
        wanted = await read_model(request, NewOrder)
        try:
            order = await self._store.create(wanted, key, current_traceparent())
        except UnavailableError as error:
            raise Problem(503, "the database is unavailable", _RETRY) from error
        get_current_span().set_attribute("order.id", order.id)
        return _response(await self._settled(order))

    async def _settled(self, order: Order) -> Order:
        unsettled: dict[str, str | int] = {"order_id": order.id}
        try:
            return await self._settling.settle(order)
        except UnavailableError as error:
            raise Problem(503, "the database is unavailable; the order is settled later", _RETRY, unsettled) from error
        except Problem as problem:
            detail = f"{problem.detail}; the order is settled later"
            raise Problem(problem.status, detail, problem.headers, unsettled) from problem

    async def get(self, request: Request) -> JSONResponse:
        """``GET /orders/{id}``: 200, 400 for an invalid ID, 404 for an unknown order, 503 without a database."""
        order_id = positive_id(request.path_params["id"])
        try:
            found = await self._store.get(order_id)
        except UnavailableError as error:
            raise Problem(503, "the database is unavailable", _RETRY) from error
        if found is None:
            raise Problem(404, f"order {order_id} does not exist")
        user_id, order, lines = found
        items = [
            {"product_id": line.product_id, "quantity": line.quantity, "price": money.text(line.price)}
            for line in lines
        ]
        members = {"order_id": order.id, "user_id": user_id, "status": order.status.value, "items": items}
        return JSONResponse({**members, "total": money.text(order.total)})


def _response(order: Order) -> JSONResponse:
    members: dict[str, str | int] = {"order_id": order.id, "order_status": order.status.value}
    if order.status is Status.PAYMENT_FAILED:
        raise Problem(402, "the payment was declined", members=members)
    if order.status is Status.CANCELLED:
        raise Problem(409, "the order was cancelled because its payment took too long; order again", members=members)
    body = {"order_id": order.id, "status": order.status.value}
    return JSONResponse(body, 201, {"Location": f"/orders/{order.id}"})


def build(environment: Environment, telemetry: Providers) -> tuple[ASGIApp, Probes]:
    """The application configured by the environment, and its probes.

    Raises:
        SettingsError: A variable is missing or invalid.
    """
    tracers, meters = telemetry.tracer_provider, telemetry.meter_provider
    database = Database(
        DatabaseSettings.from_environment(environment),
        service="order-service",
        migrations=files("order_service") / "migrations",
        tracer_provider=tracers,
        meter_provider=meters,
    )
    client = mesh_client(
        environment.url("PAYMENT_SERVICE_URL"),
        peer=PEER,
        timeout=environment.number("PAYMENT_TIMEOUT_SECONDS", 5.0, low=0.05, high=30),
        tracer_provider=tracers,
        meter_provider=meters,
    )
    times = Times(
        window=environment.number("PAYMENT_WINDOW_SECONDS", 120, low=1, high=86400),
        grace=environment.number("RECOVERY_GRACE_SECONDS", 15, low=0.1, high=3600),
        attempts=int(environment.number("RECOVERY_ATTEMPTS", 240, low=1, high=100_000)),
        key_lifetime=environment.number("IDEMPOTENCY_SECONDS", 86_400, low=1, high=31_536_000),
    )
    store = Store(database, times)
    settling = Settling(store, Payments(client), tracer_provider=tracers, meter_provider=meters)
    interval = environment.number("RECOVERY_INTERVAL_SECONDS", 1, low=0.05, high=3600)
    recovery = Recovery(store, settling, interval, tracer_provider=tracers, meter_provider=meters)
    probes = Probes(database.check)

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        await database.open()
        recovery.start()
        try:
            yield
        finally:
            await recovery.stop()
            await client.aclose()
            await database.close()

    orders = Orders(store, settling)
    routes = [Route("/orders", orders.create, methods=["POST"]), Route("/orders/{id}", orders.get)]
    return application(routes, probes, lifespan, telemetry, features(order_patience(environment))), probes
