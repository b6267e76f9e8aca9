"""S2.9: an order is settled whatever happens in whatever order: many at work on it, killed anywhere, answers lost.

The settling is the service's own; the database and payment-service are models whose every call can be stopped before it
takes effect and after. `test_order_kills` does the same with the real ones, at fewer places.
"""

from __future__ import annotations

import dataclasses
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.trace import NoOpTracerProvider

from order_service.order import Order
from order_service.payments import Outcome
from order_service.settling import Settling
from order_service.states import NEXT, OPEN, Status, require
from service_kit.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Coroutine, Generator

NEW = Order(1, Status.CREATED, 100, "pm_x", "key", is_late=False, traceparent="")


class Moment:
    """A place where another worker may come first, or this one be killed."""

    def __await__(self) -> Generator[None, None, None]:
        yield


class World:
    """One order in the database, one payment at payment-service."""

    def __init__(self, *, declines: bool) -> None:
        self.order = NEW
        self.seen = [Status.CREATED]
        self.declines = declines
        self.payment: Outcome | None = None
        self.charges = self.refunds = 0
        self.fails = ""

    async def move(self, order: Order, status: Status) -> tuple[Order, bool]:
        require(order.status, status)
        await Moment()
        moved = self.order.status is order.status
        if moved:
            self.order = dataclasses.replace(self.order, status=status)
            self.seen.append(status)
        now = self.order
        await Moment()
        return now, moved

    async def charge(self, order: Order) -> Outcome:
        await self._lost("before")
        if self.payment is None:
            self.payment = Outcome.DECLINED if self.declines else Outcome.CAPTURED
            self.charges += self.payment is Outcome.CAPTURED
        assert order.payment_key == NEW.payment_key
        return await self._answer()

    async def cancel(self, _order: Order) -> Outcome:
        await self._lost("before")
        if self.payment is None:
            self.payment = Outcome.VOIDED
        elif self.payment is Outcome.CAPTURED:
            self.payment = Outcome.REFUNDED
            self.refunds += 1
        return await self._answer()

    async def _answer(self) -> Outcome:
        assert self.payment is not None
        told = self.payment
        await self._lost("after")
        return told

    async def _lost(self, when: str) -> None:
        await Moment()
        if self.fails == when:
            raise Problem(503, "payment-service cannot be reached")


class Worker:
    """One settling of the order, moment by moment."""

    def __init__(self, world: World) -> None:
        settling = Settling(world, world, tracer_provider=NoOpTracerProvider(), meter_provider=NoOpMeterProvider())
        self._steps: Coroutine[Any, Any, Order] = settling.settle(world.order)
        self._context = copy_context()
        self.ended = False
        self.result: Order | None = None

    def step(self) -> None:
        if self.ended:
            return
        try:
            self._context.run(self._steps.send, None)
        except StopIteration as end:
            self.ended, self.result = True, end.value
        except Problem:
            self.ended = True

    def kill(self) -> None:
        self._context.run(self._steps.close)
        self.ended = True


ACTIONS = st.one_of(
    st.tuples(st.just("begin"), st.just(0)),
    st.tuples(st.just("step"), st.integers(0, 3)),
    st.tuples(st.just("kill"), st.integers(0, 3)),
    st.tuples(st.sampled_from(["late", "fails before", "fails after", "works"]), st.just(0)),
)


@settings(max_examples=400, deadline=None)
@given(actions=st.lists(ACTIONS, max_size=60), declines=st.booleans())
@example(actions=[("begin", 0), *[("step", 0)] * 5, ("kill", 0), ("late", 0)], declines=False)
@example(
    actions=[("begin", 0), *[("step", 0)] * 4, ("late", 0), ("begin", 0), *[("step", 1)] * 9, *[("step", 0)] * 9],
    declines=False,
)
def test_an_order_is_settled_once_whatever_happens(actions: list[tuple[str, int]], *, declines: bool) -> None:
    world = World(declines=declines)
    workers: list[Worker] = []
    for action, which in actions:
        if action == "begin":
            workers.append(Worker(world))
        elif action == "late":
            world.order = dataclasses.replace(world.order, is_late=True)
        elif action in ("step", "kill") and workers:
            getattr(workers[which % len(workers)], action)()
        elif action not in ("step", "kill"):
            world.fails = action.partition(" ")[2]
    world.fails = ""
    last = Worker(world)  # recovery, once everything works again
    workers.append(last)
    for _ in range(40):
        last.step()
    assert last.ended
    for worker in workers:  # those that were only slow come to the same end
        for _ in range(40):
            worker.step()
        assert worker.ended
        assert worker.result is None or worker.result.status is world.order.status
    assert world.order.status.is_final
    assert all(after in NEXT[before] for before, after in zip(world.seen, world.seen[1:], strict=False))
    assert world.charges <= 1
    assert world.charges - world.refunds == (world.order.status is Status.PAID)
    assert (world.payment is Outcome.DECLINED) == (world.order.status is Status.PAYMENT_FAILED) or (
        world.order.status is Status.CANCELLED
    )


def test_every_order_can_end_and_none_goes_back() -> None:
    assert set(NEXT) == set(Status)
    assert set(OPEN) == {status for status in Status if not status.is_final}

    def after(status: Status) -> set[Status]:
        return {later for following in NEXT[status] for later in {following, *after(following)}}

    for status in Status:
        assert status not in after(status)
        assert status.is_final or any(end.is_final for end in after(status))


@pytest.mark.parametrize("before", Status)
@pytest.mark.parametrize("after", Status)
def test_a_way_that_is_none_is_refused(before: Status, after: Status) -> None:
    if after in NEXT[before]:
        require(before, after)
    else:
        with pytest.raises(ValueError, match=f"an order that is {before} cannot become {after}"):
            require(before, after)
