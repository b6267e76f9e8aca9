"""HTTP interface of payment-service: ``POST /payments``, ``GET /payments/{id}``, ``POST /cancellations``."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from importlib.resources import files
from typing import TYPE_CHECKING, Annotated

from opentelemetry.trace import get_current_span
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse
from starlette.routing import Route

from payment_service.methods import method
from payment_service.store import Charge, Payment, Status, Store
from service_kit import idempotency
from service_kit.application import application
from service_kit.body import read_model
from service_kit.database import Database, DatabaseSettings, UnavailableError
from service_kit.identifiers import positive_id
from service_kit.probes import Probes
from service_kit.problem import Problem, problem_response

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from opentelemetry.metrics import MeterProvider
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp

    from otel_mesh_telemetry.providers import Providers
    from service_kit.settings import Environment

_log = logging.getLogger(__name__)
_Id = Annotated[int, Field(gt=0, lt=2**63)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)

    order_id: _Id


class NewPayment(_Body):
    """Body of ``POST /payments``.

    Attributes:
        order_id: ID of the order to be paid.
        amount: Amount in cents.
        payment_method: Token of the payment method, see `payment_service.methods`.
    """

    amount: Annotated[int, Field(gt=0, lt=2**53)]
    payment_method: Annotated[str, Field(pattern=r"^pm_[a-z0-9_]{1,60}$")]


class Cancellation(_Body):
    """Body of ``POST /cancellations``."""


class Payments:
    """HTTP handlers of payments.

    Args:
        store: Store of the payments.
        demonstration: True: the payment methods of the demonstration are accepted.
        meter_provider: Provider of the meter.
    """

    def __init__(self, store: Store, meter_provider: MeterProvider, *, demonstration: bool) -> None:
        self._store = store
        self._demonstration = demonstration
        self._count = meter_provider.get_meter("payment_service").create_counter(
            "shop.payments",
            unit="{payment}",
            description="Captured, declined, voided and refunded payments, by outcome.",
        )

    async def create(self, request: Request) -> Response:
        """``POST /payments`` with an Idempotency-Key: 201 if captured, 402 if declined, 409 if cancelled meanwhile.

        400 and 422 for an invalid request, 503 without a database. The bodies of 201, 402 and 409 contain the payment's
        ID and status. A repeated request gets the same response and charges nothing.
        """
        key = idempotency.required_key_of(request.headers)
        wanted = await read_model(request, NewPayment)
        how = method(wanted.payment_method, demonstration=self._demonstration)
        charge = Charge(key, wanted.order_id, wanted.amount, wanted.payment_method)
        with _database():
            payment = await self._store.known(charge)
            if payment is None:
                await asyncio.sleep(how.delay)
                payment, made = await self._store.take(charge, declined=how.declined)
                self._record_outcome(payment, made=made)
        _annotate_span(payment)
        if payment.status is Status.CAPTURED:
            return JSONResponse(_members(payment), 201, {"Location": f"/payments/{payment.id}"})
        if payment.status is Status.DECLINED:
            return problem_response(402, "the payment was declined", members=_members(payment))
        return problem_response(409, "the payment was cancelled", members=_members(payment))

    async def cancel(self, request: Request) -> Response:
        """``POST /cancellations`` with a payment's Idempotency-Key: 200, and the buyer is not charged.

        A captured payment is refunded; a payment that has not arrived yet will be rejected. 409 if key and order do not
        belong together, 400 and 422 for an invalid request, 503 without a database.
        """
        key = idempotency.required_key_of(request.headers)
        wanted = await read_model(request, Cancellation)
        with _database():
            payment, changed = await self._store.cancel(key, wanted.order_id)
        self._record_outcome(payment, made=changed)
        _annotate_span(payment)
        return JSONResponse(_members(payment))

    async def get(self, request: Request) -> Response:
        """``GET /payments/{id}``: 200, 400 for an invalid ID, 404 for an unknown payment, 503 without a database."""
        payment_id = positive_id(request.path_params["id"])
        with _database():
            payment = await self._store.get(payment_id)
        if payment is None:
            raise Problem(404, f"payment {payment_id} does not exist")
        return JSONResponse(_members(payment))

    def _record_outcome(self, payment: Payment, *, made: bool) -> None:
        if made:
            self._count.add(1, {"payment.outcome": payment.status.value})


@contextlib.contextmanager
def _database() -> Iterator[None]:
    try:
        yield
    except UnavailableError as error:
        raise Problem(503, "the database is unavailable", {"Retry-After": "1"}) from error


def _annotate_span(payment: Payment) -> None:
    get_current_span().set_attributes({"order.id": payment.order_id, "payment.outcome": payment.status.value})


def _members(payment: Payment) -> dict[str, str | int]:
    return {"payment_id": payment.id, "order_id": payment.order_id, "payment_status": payment.status.value}


def build(environment: Environment, telemetry: Providers) -> tuple[ASGIApp, Probes]:
    """The application configured by the environment, and its probes.

    Raises:
        SettingsError: A variable is missing or invalid.
    """
    database = Database(
        DatabaseSettings.from_environment(environment),
        service="payment-service",
        migrations=files("payment_service") / "migrations",
        tracer_provider=telemetry.tracer_provider,
        meter_provider=telemetry.meter_provider,
    )
    demonstration = environment.choice("DEMONSTRATION_METHODS", "off", ("on", "off")) == "on"
    if not demonstration:
        _log.warning(
            "every payment is declined: DEMONSTRATION_METHODS is off and there are no other payment methods; "
            "set it to 'on' for a demonstration"
        )
    payments = Payments(Store(database), telemetry.meter_provider, demonstration=demonstration)
    probes = Probes(database.check)

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        await database.open()
        try:
            yield
        finally:
            await database.close()

    routes = [
        Route("/payments", payments.create, methods=["POST"]),
        Route("/payments/{id}", payments.get),
        Route("/cancellations", payments.cancel, methods=["POST"]),
    ]
    return application(routes, probes, lifespan, telemetry), probes
