"""Bringing an order from wherever it is to its end.

Every step is a transaction or an idempotent call, and every step may be repeated: a request, its repetition and any
number of recoveries may settle one order at the same time, and each may be killed anywhere. What decides is who moves
the order in the database, and the one payment that payment-service keeps under the order's key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from order_service.payments import Outcome
from order_service.states import Status
from service_kit.steps import step

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

    from order_service.order import Order

_AFTER_CHARGE = {
    Outcome.CAPTURED: Status.PAID,
    Outcome.DECLINED: Status.PAYMENT_FAILED,
    # Somebody cancelled it meanwhile: that is brought to its end.
    Outcome.VOIDED: Status.CANCELLING,
    Outcome.REFUNDED: Status.CANCELLING,
}


class Moves(Protocol):
    """Where orders are moved; `order_service.store.Store`."""

    async def move(self, order: Order, status: Status) -> tuple[Order, bool]:
        """The order as it is afterwards, and whether this call moved it."""


class Charges(Protocol):
    """Who takes payments; `order_service.payments.Payments`."""

    async def charge(self, order: Order) -> Outcome:
        """Take the payment, or hear what became of it."""

    async def cancel(self, order: Order) -> Outcome:
        """Give it back, or never take it."""


class Settling:
    """Settles orders, with a span for each step and a count for each order that ends.

    Args:
        store: where orders are moved.
        payments: who takes payments.
        tracer_provider: where spans go.
        meter_provider: where counts go.
    """

    def __init__(
        self, store: Moves, payments: Charges, *, tracer_provider: TracerProvider, meter_provider: MeterProvider
    ) -> None:
        self._store = store
        self._payments = payments
        self._tracer = tracer_provider.get_tracer("order_service")
        self._settled = meter_provider.get_meter("order_service").create_counter(
            "shop.orders", unit="{order}", description="Orders that were settled, by outcome."
        )

    async def settle(self, order: Order) -> Order:
        """The order at its end.

        Raises:
            Problem: payment-service fails; the order stays open for recovery.
            UnavailableError: the database does; the same.
        """
        while not order.status.is_final:
            order = await self._step(order)
        return order

    async def _step(self, order: Order) -> Order:
        match order.status:
            case Status.CREATED:
                return await self._move(order, Status.CANCELLED if order.is_late else Status.PAYMENT_PENDING)
            case Status.PAYMENT_PENDING:
                if order.is_late:
                    return await self._move(order, Status.CANCELLING)
                with step(self._tracer, "take payment", {"order.id": order.id}) as span:
                    outcome = await self._payments.charge(order)
                    span.set_attribute("payment.outcome", outcome.value)
                return await self._move(order, _AFTER_CHARGE[outcome])
            case _:
                with step(self._tracer, "cancel payment", {"order.id": order.id}) as span:
                    outcome = await self._payments.cancel(order)
                    span.set_attribute("payment.outcome", outcome.value)
                return await self._move(order, Status.CANCELLED)

    async def _move(self, order: Order, status: Status) -> Order:
        order, moved = await self._store.move(order, status)
        if moved and order.status.is_final:
            self._settled.add(1, {"order.outcome": order.status.value})
        return order
