"""Taking up the orders that a killed process, a failed call or a lost database left behind."""

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

    from order_service.dead_letters import Found
    from order_service.order import Order

_log = logging.getLogger(__name__)
_FORMAT = TraceContextTextMapPropagator()
_AT_ONCE = 5  # orders of one replica under recovery: fewer than connections, so that requests keep some
_PATIENCE_S = 20.0  # for one order; the next replica may take it up as soon as it is due again


def current_traceparent() -> str:
    """The current span as a traceparent, empty without one."""
    carrier: dict[str, str] = {}
    _FORMAT.inject(carrier)
    return carrier.get("traceparent", "")


class Work(Protocol):
    """Where open orders are; `order_service.store.Store`."""

    async def set_aside(self) -> Found:
        """Set those aside that were tried too often."""

    async def remove_ended_keys(self) -> None:
        """Delete keys that mean no order any more."""

    async def take_up(self, most: int) -> Sequence[Order]:
        """Open orders that are due."""


class Settles(Protocol):
    """What brings orders to their end; `order_service.settling.Settling`."""

    async def settle(self, order: Order) -> Order:
        """The order at its end."""


class Recovery:
    """A task of every replica; ``SKIP LOCKED`` gives each order to one of them.

    Args:
        store: where open orders are.
        settling: what is done with them.
        interval: seconds between two looks.
        tracer_provider: where spans go: one trace per order taken up, linked to the request's.
        meter_provider: where the number of dead letters goes, while it is known.
    """

    def __init__(
        self,
        store: Work,
        settling: Settles,
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
        """Begin, in the running event loop."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """End; what was under way is taken up again later, by whoever runs then."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        while True:
            more = False
            try:
                more = await self._look()
            except (UnavailableError, StatementError) as error:
                # also before the schema is there
                if self._reachable:
                    _log.warning("recovery waits for the database: %s", error)
                self._reachable = False
            except Exception:  # noqa: BLE001 - nobody would notice that recovery ended, until orders are missed
                _log.exception("recovery failed; it goes on")
            if not more:
                await asyncio.sleep(self._interval)

    async def _look(self) -> bool:
        """One look at what there is to do; whether there may be more of it."""
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
        told = {"order.id": order.id}
        try:
            with deadline.within(_PATIENCE_S), step(self._tracer, "recover order", {**told}, links) as span:
                settled = await self._settling.settle(order)
                span.set_attribute("order.status", settled.status.value)
                _log.info("order settled by recovery", extra={**told, "order.status": settled.status.value})
        except (Problem, UnavailableError) as error:
            _log.warning("order not settled yet: %s", error, extra=told)
        except Exception:  # noqa: BLE001 - one order that cannot be settled must not keep recovery from the others
            _log.exception("order could not be recovered", extra=told)
