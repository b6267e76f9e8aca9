"""Recovery of orders left unsettled by a killed process, a failed call or a database outage."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from opentelemetry.context import Context
from opentelemetry.trace import Link, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from otel_mesh_telemetry import deadline
from service_kit.database import StatementError, UnavailableError
from service_kit.problem import Problem
from service_kit.steps import step

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

    from order_service.dead_letters import DeadLetters
    from order_service.order import Order

_log = logging.getLogger(__name__)
_FORMAT = TraceContextTextMapPropagator()
_AT_ONCE = 5  # concurrent recoveries per replica; fewer than the pool's connections, to leave some for requests
_TIMEOUT_S = 20.0  # per order; afterwards, any replica may take the order when it is due again


def current_traceparent() -> str:
    """The traceparent of the current span; empty without a span."""
    carrier: dict[str, str] = {}
    _FORMAT.inject(carrier)
    return carrier.get("traceparent", "")


class OpenOrders(Protocol):
    """Store of the open orders, implemented by `order_service.store.Store`."""

    async def set_aside(self) -> DeadLetters:
        """Set aside the orders with too many failed recoveries."""

    async def remove_ended_keys(self) -> None:
        """Delete expired keys."""

    async def take_up(self, most: int) -> Sequence[Order]:
        """Open orders due for recovery, at most ``most``."""


class Settler(Protocol):
    """Takes orders to a final status; implemented by `order_service.settling.Settling`."""

    async def settle(self, order: Order) -> Order:
        """Settle an order; returns it in its final status."""


class Recovery:
    """Background task of every replica; ``SKIP LOCKED`` assigns each order to one of them.

    Args:
        store: Store of the open orders.
        settling: Component that takes orders to a final status.
        interval: Seconds between two polls of the store.
        tracer_provider: Provider of the tracer; there is one trace per recovered order, linked to the request's.
        meter_provider: Provider of the meter for the number of dead letters.
    """

    def __init__(
        self,
        store: OpenOrders,
        settling: Settler,
        interval: float,
        *,
        tracer_provider: TracerProvider,
        meter_provider: MeterProvider,
    ) -> None:
        self._store = store
        self._settling = settling
        self._interval = interval
        self._tracer = tracer_provider.get_tracer("order_service")
        self._dead = meter_provider.get_meter("order_service").create_gauge(
            "shop.orders.dead", unit="{order}", description="Orders that could not be settled and were set aside."
        )
        self._task: asyncio.Task[None] | None = None
        self._reachable = True

    def start(self) -> None:
        """Start the task in the running event loop."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop the task; interrupted recoveries are repeated later by any replica."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        while True:
            more = False
            try:
                more = await self._poll()
            except (UnavailableError, StatementError) as error:
                # also raised before the migrations are applied
                if self._reachable:
                    _log.warning("recovery is waiting for the database: %s", error)
                self._reachable = False
            except Exception:  # noqa: BLE001 - otherwise recovery would stop unnoticed
                _log.exception("recovery failed; it continues with the next poll")
            if not more:
                await asyncio.sleep(self._interval)

    async def _poll(self) -> bool:
        """Poll the store once and recover the due orders; True if more may be due."""
        found = await self._store.set_aside()
        for order_id in found.new:
            _log.error("order set aside: it could not be settled", extra={"order.id": order_id})
        self._dead.set(found.count)
        await self._store.remove_ended_keys()
        taken = await self._store.take_up(_AT_ONCE)
        self._reachable = True
        await asyncio.gather(*(self._recover(order) for order in taken))
        return len(taken) == _AT_ONCE

    async def _recover(self, order: Order) -> None:
        origin = get_current_span(_FORMAT.extract({"traceparent": order.traceparent}, Context())).get_span_context()
        links = [Link(origin)] if origin.is_valid else []
        extra = {"order.id": order.id}
        try:
            with deadline.within(_TIMEOUT_S), step(self._tracer, "recover order", {**extra}, links) as span:
                settled = await self._settling.settle(order)
                span.set_attribute("order.status", settled.status.value)
                _log.info("order settled by recovery", extra={**extra, "order.status": settled.status.value})
        except (Problem, UnavailableError) as error:
            _log.warning("order not settled yet: %s", error, extra=extra)
        except Exception:  # noqa: BLE001 - one failing order must not prevent the recovery of others
            _log.exception("order could not be recovered", extra=extra)
