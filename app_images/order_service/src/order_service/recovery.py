"""Taking up the orders that a killed process, a failed call or a lost database left behind."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from opentelemetry.context import Context
from opentelemetry.trace import Link, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from otel_mesh_telemetry import deadline
from service_kit.database import StatementError, UnavailableError
from service_kit.problem import Problem
from service_kit.steps import step

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.trace import TracerProvider

    from order_service.order import Order
    from order_service.settling import Settling
    from order_service.store import Store

_log = logging.getLogger(__name__)
_FORMAT = TraceContextTextMapPropagator()
_AT_ONCE = 5  # orders of one replica under recovery: fewer than connections, so that requests keep some
_PATIENCE_S = 20.0  # for one order; the next replica may take it up as soon as it is due again


def current_traceparent() -> str:
    """The current span as a traceparent, empty without one."""
    carrier: dict[str, str] = {}
    _FORMAT.inject(carrier)
    return carrier.get("traceparent", "")


class Recovery:
    """A task of every replica; ``SKIP LOCKED`` gives each order to one of them.

    Args:
        store: where open orders are.
        settling: what is done with them.
        interval: seconds between two looks.
        tracer_provider: where spans go: one trace per order taken up, linked to the request's.
    """

    def __init__(self, store: Store, settling: Settling, interval: float, tracer_provider: TracerProvider) -> None:
        self._store = store
        self._settling = settling
        self._interval = interval
        self._tracer = tracer_provider.get_tracer("order_service")
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
            taken = await self._take_up()
            await asyncio.gather(*(self._recover(order) for order in taken))
            if len(taken) < _AT_ONCE:
                await asyncio.sleep(self._interval)

    async def _take_up(self) -> Sequence[Order]:
        try:
            taken = await self._store.take_up(_AT_ONCE)
        except (UnavailableError, StatementError) as error:
            # also before the schema is there
            if self._reachable:
                _log.warning("recovery waits for the database: %s", error)
            self._reachable = False
            return ()
        self._reachable = True
        return taken

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
