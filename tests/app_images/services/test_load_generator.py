"""C1, S2.3: load that is bounded in rate and in time, and counts what became of each request."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING

import httpx
import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from load_generator.load import Bounds, Load, Totals
from load_generator.requests import Mix
from load_generator.run import run
from otel_mesh_cli.core import child_processes
from service_kit import money
from service_kit.settings import Environment, SettingsError
from tests.ending import ending
from tests.programs.loopback_server import loopback_server

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    Answer = Callable[[httpx.Request], Coroutine[None, None, httpx.Response]]


class Counted:
    """What a run measured."""

    def __init__(self) -> None:
        self._reader = InMemoryMetricReader()
        self.provider = MeterProvider([self._reader], shutdown_on_exit=False)

    def points(self, name: str) -> dict[str, float]:
        """Values of a counter by the outcome, or by nothing."""
        data = self._reader.get_metrics_data()
        found: dict[str, float] = {}
        for resource in data.resource_metrics if data else ():
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    if metric.name == name:
                        for point in metric.data.data_points:
                            outcome = str((point.attributes or {}).get("outcome", ""))
                            found[outcome] = found.get(outcome, 0) + point.value  # type: ignore[union-attr]
        return found


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is due is sent however late a busy machine comes to it."""
    monkeypatch.setattr("load_generator.load._CAUGHT_UP_S", 600.0)


async def _run(answer: Answer, bounds: Bounds, counted: Counted, mix: Mix | None = None) -> Totals:
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url="http://shop.invalid") as client:
        return await Load(client, mix or Mix([123], 0), bounds, counted.provider).run()


async def test_it_sends_what_is_due_and_ends_by_itself() -> None:
    counted, began, sent = Counted(), time.monotonic(), []

    async def answer(_: httpx.Request) -> httpx.Response:
        sent.append(time.monotonic() - began)
        return httpx.Response(200)

    # After a pause of the machine all that became due meanwhile is sent at once.
    totals = await _run(answer, Bounds(rate=40, duration=1, in_flight=40), counted)
    assert totals == Totals(sent=40, ok=40)
    assert all(at >= number / 40 - 0.01 for number, at in enumerate(sent)), "none before it is due"
    assert counted.points("load.requests.sent") == {"": 40}
    assert counted.points("load.requests.completed") == {"ok": 40}
    assert counted.points("load.requests.skipped") == {}


async def test_every_request_that_was_sent_is_ok_or_failed_in_the_end() -> None:
    answers = iter((200, 404, 500, 200, 503, 0, 200, 200))

    async def answer(request: httpx.Request) -> httpx.Response:
        status = next(answers)
        if status == 0:
            raise httpx.ConnectError("refused", request=request)
        return httpx.Response(status)

    counted = Counted()
    totals = await _run(answer, Bounds(rate=80, duration=0.1, in_flight=10), counted)
    assert totals == Totals(sent=8, ok=4, failed=4)
    assert counted.points("load.requests.completed") == {"ok": 4, "failed": 4}


async def test_a_slow_shop_gets_no_more_at_a_time_than_was_agreed() -> None:
    waiting, most = 0, 0
    counted, all_due = Counted(), asyncio.Event()

    async def slow(_: httpx.Request) -> httpx.Response:
        nonlocal waiting, most
        waiting += 1
        most = max(most, waiting)
        await all_due.wait()
        waiting -= 1
        return httpx.Response(200)

    async def answer_when_all_were_due() -> None:
        async with asyncio.timeout(60):
            while counted.points("load.requests.skipped").get("", 0) + waiting < 20:  # noqa: ASYNC110 - a metric
                await asyncio.sleep(0.01)
        all_due.set()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(answer_when_all_were_due())
        totals = await _run(slow, Bounds(rate=100, duration=0.2, in_flight=3), counted)
    assert most == 3
    assert totals.sent == totals.ok == 3
    assert totals.sent + totals.skipped == 20
    assert counted.points("load.requests.skipped") == {"": 17}


async def test_told_to_stop_it_waits_for_the_last_answer() -> None:
    async def slow(_: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0.3)
        return httpx.Response(200)

    async with httpx.AsyncClient(transport=httpx.MockTransport(slow), base_url="http://shop.invalid") as client:
        load = Load(client, Mix([1], 0), Bounds(rate=100, duration=60, in_flight=50), Counted().provider)
        asyncio.get_running_loop().call_later(0.2, load.stop)
        totals = await load.run()
    assert 0 < totals.sent == totals.ok < 1000, "of the 6000 of a whole minute"


async def test_orders_have_a_key_each_and_a_declined_payment_is_an_answer() -> None:
    seen: list[httpx.Request] = []

    async def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(402 if request.method == "POST" else 200)

    totals = await _run(answer, Bounds(rate=200, duration=0.2, in_flight=50), Counted(), Mix([7, 8], 0.5))
    assert totals == Totals(sent=40, ok=40)
    orders = [one for one in seen if one.method == "POST"]
    assert 10 < len(orders) < 30
    keys = {one.headers["idempotency-key"] for one in orders}
    assert len(keys) == len(orders)
    body = json.loads(orders[0].content)
    assert sum(one["quantity"] * money.cents(one["price"]) for one in body["items"]) == 10997  # the seed's order
    assert {one.url.path for one in seen if one.method == "GET"} == {"/api/users/7", "/api/users/8"}
    assert not [one for one in seen if one.method == "GET" and "idempotency-key" in one.headers]


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({}, "TARGET_URL: not set"),
        ({"TARGET_URL": "http://x", "RATE_PER_SECOND": "0"}, "RATE_PER_SECOND='0': not a number from 0.01"),
        ({"TARGET_URL": "http://x", "USER_IDS": "1,b"}, "USER_IDS='1,b': not a list of numbers"),
    ],
)
async def test_a_wrong_setting_is_named_before_anything_is_sent(variables: dict[str, str], told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        await run(Environment(variables))


class _Shop(BaseHTTPRequestHandler):
    traces: set[str]
    ready_after: float

    def do_GET(self) -> None:
        is_ready = time.monotonic() > self.ready_after
        sampled = bool(int(self.headers["traceparent"].rpartition("-")[2], 16) & 1)
        if self.path == "/readyz":
            assert not sampled, "to ask whether somebody answers makes no trace"
        else:
            assert sampled
            self.traces.add(self.headers["traceparent"].split("-")[1])
        self.send_response(200 if is_ready else 503)
        self.send_header("content-length", "0")
        self.end_headers()


@pytest.fixture
def shop() -> Iterator[tuple[str, set[str]]]:
    traces: set[str] = set()
    handler = type("Shop", (_Shop,), {"traces": traces, "ready_after": time.monotonic() + 2})
    with loopback_server(handler) as port:
        yield f"http://127.0.0.1:{port}", traces


def _process(target: str, **variables: str) -> subprocess.Popen[str]:
    environment = {
        "PATH": os.environ["PATH"],
        "TARGET_URL": target,
        "OTEL_TRACES_EXPORTER": "none",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
        **variables,
    }
    command = [sys.executable, "-m", "load_generator"]
    return child_processes.start(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def test_as_a_process_it_waits_for_the_shop_and_begins_a_trace_for_each_request(shop: tuple[str, set[str]]) -> None:
    target, traces = shop
    with ending(_process(target, RATE_PER_SECOND="20", DURATION_SECONDS="1")) as process:
        output, _ = process.communicate(timeout=90)
    assert process.returncode == 0, output
    ended = re.search(r"load ended: sent=(\d+) ok=\1 failed=0 skipped=(\d+)", output)
    assert ended, output
    sent, skipped = map(int, ended.groups())
    assert sent + skipped == 20, "a second and more behind its time, it skips what was due"
    assert len(traces) == sent > 0


def test_as_a_process_it_ends_early_when_it_is_told_to(shop: tuple[str, set[str]]) -> None:
    target, traces = shop
    with ending(_process(target, RATE_PER_SECOND="20", DURATION_SECONDS="600", MAX_IN_FLIGHT="10000")) as process:
        end = time.monotonic() + 60
        while not traces and time.monotonic() < end:
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    assert re.search(r"load ended: sent=(\d+) ok=\1 failed=0 skipped=0", output), output


def test_a_shop_that_never_answers_is_not_loaded() -> None:
    with ending(_process("http://127.0.0.1:9", READY_TIMEOUT_SECONDS="1")) as process:
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "not ready after 1 s" in output
