"""Settling: taking an order from any status to a final one.

Every step is a transaction or an idempotent call and may be repeated: requests, repeated requests and recoveries may
settle an order concurrently, and any of them may be killed at any point. Conflicts are resolved by the conditional
status update in the database and by the single payment stored under the order's key.
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
    # The payment was cancelled concurrently: complete the cancellation.
    Outcome.VOIDED: Status.CANCELLING,
    Outcome.REFUNDED: Status.CANCELLING,
}


class StatusStore(Protocol):
    """Store with status transitions, implemented by `order_service.store.Store`."""

    async def move(self, order: Order, status: Status) -> tuple[Order, bool]:
        """Change the status of an order; returns the current order, and True if this call changed it."""


class PaymentClient(Protocol):
    """Client of payment-service, implemented by `order_service.payments.Payments`."""

    async def charge(self, order: Order) -> Outcome:
        """Charge the buyer, or get the outcome of an earlier charge."""

    async def cancel(self, order: Order) -> Outcome:
        """Refund the payment, or prevent a later one."""


class Settling:
    """Settles orders, with a span per step and a counter of settled orders.

    Args:
        store: Store with status transitions.
        payments: Client of payment-service.
        tracer_provider: Provider of the tracer.
        meter_provider: Provider of the meter.
    """

    def __init__(
        self,
        store: StatusStore,
        payments: PaymentClient,
        *,
        tracer_provider: TracerProvider,
        meter_provider: MeterProvider,
    ) -> None:
        self._store = store
        self._payments = payments
        self._tracer = tracer_provider.get_tracer("order_service")
        self._settled = meter_provider.get_meter("order_service").create_counter(
            "shop.orders", unit="{order}", description="Settled orders, by outcome."
        )

    async def settle(self, order: Order) -> Order:
        """Settle an order; returns it in its final status.

        Raises:
            Problem: payment-service fails; the order stays open for recovery.
            UnavailableError: The database is unavailable; the order stays open for recovery.
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
