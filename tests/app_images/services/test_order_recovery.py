"""S2.9: recovery goes on whatever fails in it, and tells how many orders it has given up."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from opentelemetry.sdk.metrics.export import NumberDataPoint

from order_service.dead_letters import DeadLetters
from order_service.order import Order
from order_service.recovery import Recovery
from order_service.states import Status
from otel_mesh_telemetry.testing import Capture, capture

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest


class Work:
    """What recovery finds, look by look; an exception is raised."""

    def __init__(self, *looks: Sequence[int] | Exception) -> None:
        self._looks = list(looks)
        self.ended = asyncio.Event()

    async def set_aside(self) -> DeadLetters:
        if not self._looks:
            self.ended.set()
        return DeadLetters([7], 3)

    async def remove_ended_keys(self) -> None:
        pass

    async def take_up(self, most: int) -> Sequence[Order]:
        look = self._looks.pop(0) if self._looks else ()
        if isinstance(look, Exception):
            raise look
        assert len(look) <= most
        return [Order(one, Status.CREATED, 100, "pm_x", "key", is_late=False, traceparent="") for one in look]


class Settles:
    def __init__(self) -> None:
        self.settled: list[int] = []

    async def settle(self, order: Order) -> Order:
        if order.id < 0:
            raise ArithmeticError
        self.settled.append(order.id)
        return order


async def recovered(work: Work, settles: Settles, seen: Capture) -> None:
    recovery = Recovery(work, settles, 0.001, **seen.providers)
    recovery.start()
    async with asyncio.timeout(30):
        await work.ended.wait()
    await recovery.stop()


async def test_an_error_that_nobody_thought_of_does_not_end_recovery(caplog: pytest.LogCaptureFixture) -> None:
    settles = Settles()
    with capture() as seen:
        await recovered(Work([1], LookupError("never seen"), [-2, 3], LookupError("again"), [4]), settles, seen)
    assert settles.settled == [1, 3, 4]
    assert [record.exc_info is not None for record in caplog.records if "it continues" in record.message] == [True] * 2
    assert [record for record in caplog.records if record.message == "order could not be recovered"]


async def test_the_dead_letters_are_counted_and_each_is_told(caplog: pytest.LogCaptureFixture) -> None:
    with capture() as seen:
        await recovered(Work([1]), Settles(), seen)
        (point,) = seen.points("shop.orders.dead")
    assert isinstance(point, NumberDataPoint)
    assert point.value == 3
    told = [record for record in caplog.records if record.message == "order set aside: it could not be settled"]
    assert {(record.levelname, record.__dict__["order.id"]) for record in told} == {("ERROR", 7)}
