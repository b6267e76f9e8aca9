"""S1.12: calls to other services: one span per attempt, a deadline that shrinks, retries that are safe."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from opentelemetry.trace import SpanKind, StatusCode

from otel_mesh_telemetry import ConfigError, ServerMiddleware, deadline
from otel_mesh_telemetry.deadline import DeadlineExceededError
from otel_mesh_telemetry.faults import ABORT_BODY
from otel_mesh_telemetry.http_client import TracedTransport, callee_url, mesh_client
from otel_mesh_telemetry.retries import Budget, Retries, RetryingTransport
from otel_mesh_telemetry.testing import Capture, capture
from tests.app_images.telemetry.passing_time import Time

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator


PATIENCE_S = 60_000
"""After which what would wait for ever if it were wrong is ended, in seconds of the test's own time."""


@pytest.fixture
def seen() -> Iterator[Capture]:
    with capture() as running:
        yield running


class Answers(httpx.AsyncBaseTransport):
    """Answers in turn; the last one again and again. An exception is raised."""

    def __init__(self, *answers: httpx.Response | Exception | Callable[[], Any]) -> None:
        self._answers = list(answers)
        self.requests: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, httpx.Response):
            return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)
        result: httpx.Response = await answer()
        return result


def client(seen: Capture, transport: httpx.AsyncBaseTransport, **options: Any) -> httpx.AsyncClient:  # noqa: ANN401
    return mesh_client("http://users:8081", peer="user-service", transport=transport, **seen.providers, **options)


async def test_s1_12_a_client_span_with_peer_template_and_injected_context(seen: Capture) -> None:
    answers = Answers(httpx.Response(200))
    url = "http://me:secret@users:8081/users/7?token=canary#x"
    async with client(seen, answers) as users:
        await users.get(url, extensions={"url_template": "/users/{id}"})
    (span,) = seen.spans()
    assert (span.name, span.kind, span.status.status_code) == ("GET /users/{id}", SpanKind.CLIENT, StatusCode.UNSET)
    assert dict(span.attributes or {}) == {
        "http.request.method": "GET",
        "server.address": "users",
        "server.port": 8081,
        "url.scheme": "http",
        "url.template": "/users/{id}",
        "url.full": "http://users:8081/users/7?token=REDACTED",
        "service.peer.name": "user-service",
        "peer.service": "user-service",
        "http.response.status_code": 200,
    }
    assert span.context is not None
    assert (
        answers.requests[0].headers["traceparent"] == f"00-{span.context.trace_id:032x}-{span.context.span_id:016x}-01"
    )
    assert deadline.HEADER not in answers.requests[0].headers
    (point,) = seen.points("http.client.request.duration")
    assert "url.full" not in (point.attributes or {})


@pytest.mark.parametrize("status", [404, 503])
async def test_s1_12_for_a_caller_4xx_and_5xx_are_errors(seen: Capture, status: int) -> None:
    async with client(seen, Answers(httpx.Response(status))) as users:
        assert (await users.get("/")).status_code == status
    (span,) = seen.spans()
    assert span.status.status_code is StatusCode.ERROR
    assert (span.attributes or {})["error.type"] == str(status)


async def test_s1_12_a_failed_call_is_an_error_named_by_its_exception(seen: Capture) -> None:
    async with client(seen, Answers(httpx.ConnectError("refused"))) as users:
        with pytest.raises(httpx.ConnectError):
            await users.get("/")
    (span,) = seen.spans()
    assert (span.attributes or {})["error.type"] == "ConnectError"
    assert seen.counts("http.client.request.duration", "error.type") == {"ConnectError": 1}


async def test_s1_12_the_deadline_shrinks_per_hop_and_is_passed_on(
    seen: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    passing, answers = Time(monkeypatch), Answers(httpx.Response(200))
    async with client(seen, answers) as users:
        with deadline.within(600):
            await users.get("/")
            passing.advance(100)
            with deadline.within(6000):
                await users.get("/")
    first, second = (int(request.headers[deadline.HEADER]) for request in answers.requests)
    assert 500_000 < first <= 600_000
    assert 400_000 < second <= first - 100_000
    assert answers.requests[1].extensions["timeout"]["read"] == 5.0, "the client's own, which is shorter"


async def test_s1_12_the_time_left_limits_the_client_s_own_timeouts(
    seen: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    passing, answers = Time(monkeypatch), Answers(httpx.Response(200))
    async with client(seen, answers, timeout=500.0) as users:
        with deadline.within(600):
            passing.advance(200)
            await users.get("/")
    assert 300 < answers.requests[0].extensions["timeout"]["read"] <= 400


async def test_s1_12_no_time_left_means_no_call(seen: Capture) -> None:
    answers = Answers(httpx.Response(200))
    async with client(seen, answers) as users:
        with (
            deadline.within(0),
            pytest.raises(DeadlineExceededError, match="user-service: deadline exceeded before the call"),
        ):
            await users.get("/")
    assert not answers.requests
    assert (seen.spans()[0].attributes or {})["error.type"] == "DeadlineExceededError"


async def test_s1_12_neither_a_silent_nor_a_dripping_callee_holds_its_caller(
    seen: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    passing = Time(monkeypatch)

    async def silent() -> httpx.Response:
        while True:
            passing.advance(200)
            await asyncio.sleep(0)

    async def pieces() -> AsyncIterator[bytes]:
        while True:
            yield b"x"
            passing.advance(200)
            await asyncio.sleep(0)

    async def dripping() -> httpx.Response:
        return httpx.Response(200, content=pieces())

    for answer in (silent, dripping):
        async with client(seen, Answers(answer)) as users, asyncio.timeout(PATIENCE_S):
            with deadline.within(600), pytest.raises(DeadlineExceededError):
                await users.get("/")


async def test_s1_12_a_timeout_of_the_clients_own_stays_one(seen: Capture) -> None:
    async with client(seen, Answers(httpx.ReadTimeout("slow"))) as users:
        with deadline.within(600), pytest.raises(httpx.ReadTimeout):
            await users.get("/")


FAST = Retries(attempts=3, pause=0.001, longest_pause=0.002)


async def test_s1_12_retries_are_attempts_with_spans_of_their_own(seen: Capture) -> None:
    answers = Answers(httpx.Response(503), httpx.ReadError("broken"), httpx.Response(200))
    async with client(seen, answers, retries=FAST) as users:
        assert (await users.get("/")).status_code == 200
    assert [(s.attributes or {}).get("http.request.resend_count") for s in seen.spans()] == [None, 1, 2]


@pytest.mark.parametrize(
    ("method", "headers", "failure", "attempts"),
    [
        ("GET", {}, httpx.Response(503), 3),
        ("GET", {}, httpx.Response(500), 1),
        ("GET", {}, httpx.Response(404), 1),
        ("GET", {}, httpx.ReadTimeout("slow"), 1),  # it took the time it was given: once more would take it again
        ("POST", {}, httpx.Response(503), 1),
        ("POST", {}, httpx.ReadError("broken"), 1),
        ("POST", {}, httpx.ConnectError("refused"), 3),  # it was never sent
        ("POST", {"idempotency-key": "7"}, httpx.Response(503), 3),
    ],
)
async def test_s1_12_only_what_is_safe_is_retried(
    seen: Capture, method: str, headers: dict[str, str], failure: httpx.Response | Exception, attempts: int
) -> None:
    answers = Answers(failure)
    async with client(seen, answers, retries=FAST) as users:
        with contextlib.suppress(httpx.TransportError):
            await users.request(method, "/", headers=headers, content=b"body")
    assert len(answers.requests) == attempts


async def test_s1_12_without_a_policy_nothing_is_retried_since_the_mesh_does(seen: Capture) -> None:
    answers = Answers(httpx.Response(503))
    async with client(seen, answers) as users:
        await users.get("/")
    assert len(answers.requests) == 1


async def test_s1_12_an_outage_gets_at_most_a_tenth_more_load(seen: Capture) -> None:
    """Beside what the budget holds at the start and what time adds, which is none here."""
    answers = Answers(httpx.Response(503))
    traced = TracedTransport(answers, **seen.providers)
    retrying = RetryingTransport(traced, Retries(attempts=4, pause=0.0), Budget(clock=lambda: 0.0))
    async with httpx.AsyncClient(transport=retrying, base_url="http://users:8081") as users:
        for _ in range(500):
            await users.get("/")
    assert 500 < len(answers.requests) <= 500 * 1.1 + 10


async def test_s1_12_no_retry_beyond_the_deadline(seen: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    passing = Time(monkeypatch)

    async def slow() -> httpx.Response:
        passing.advance(200)
        return httpx.Response(503)

    answers = Answers(slow)
    async with client(seen, answers, retries=Retries(attempts=6, pause=0.0)) as users:
        # The third answer comes with the end of the deadline, which the caller may get to see in place of it.
        with deadline.within(600), contextlib.suppress(DeadlineExceededError):
            assert (await users.get("/")).status_code == 503
    assert len(answers.requests) == 3


@pytest.mark.parametrize(
    ("status", "header", "attempts"),
    [
        (503, "0", 2),
        (429, "0", 2),
        (429, None, 1),  # nobody knows when
        (503, "3600", 1),  # too long to wait for
        (503, "Fri, 31 Dec 2999 23:59:59 GMT", 1),
        (503, "Thu, 01 Jan 1970 00:00:00 GMT", 2),
        (503, "soon", 2),  # malformed: as if it were missing
        (503, "9" * 400, 2),
    ],
)
async def test_retry_after_is_what_the_other_side_asks_for(
    seen: Capture, status: int, header: str | None, attempts: int
) -> None:
    answers = Answers(httpx.Response(status, headers={"retry-after": header} if header else {}))
    once_more = Retries(attempts=2, pause=0.001, longest_pause=0.001)
    async with client(seen, answers, retries=once_more) as users:
        assert (await users.get("/")).status_code == status
    assert len(answers.requests) == attempts


async def test_no_retry_comes_before_retry_after(seen: Capture) -> None:
    answers = Answers(httpx.Response(503, headers={"retry-after": "1"}), httpx.Response(200))
    async with client(seen, answers, retries=Retries(attempts=2, pause=0.0)) as users:
        began = time.monotonic()
        assert (await users.get("/")).status_code == 200
        assert time.monotonic() - began >= 1.0
        with deadline.within(600):
            answers = Answers(httpx.Response(503, headers={"retry-after": "700"}))
            async with client(seen, answers, retries=Retries(attempts=2, longest_wait=1000)) as hurried:
                assert (await hurried.get("/")).status_code == 503
    assert len(answers.requests) == 1, "its deadline would be over by then"


def dripping(*pieces: bytes | Exception, then: Callable[[], None] = lambda: None) -> Callable[[], Any]:
    async def body() -> AsyncIterator[bytes]:
        for piece in pieces:
            if isinstance(piece, Exception):
                raise piece
            yield piece
        then()
        await asyncio.Event().wait()

    async def answer() -> httpx.Response:
        return httpx.Response(200, content=body())

    return answer


async def test_a_body_cut_off_by_the_deadline_is_a_failed_call(seen: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    passing = Time(monkeypatch)
    async with client(seen, Answers(dripping(b"x", then=lambda: passing.advance(600)))) as users:
        with deadline.within(600), pytest.raises(DeadlineExceededError):
            await users.get("/")
    (span,) = seen.spans()
    assert span.status.status_code is StatusCode.ERROR
    attributes = dict(span.attributes or {})
    assert (attributes["http.response.status_code"], attributes["error.type"]) == (200, "DeadlineExceededError")
    assert seen.counts("http.client.request.duration", "error.type") == {"DeadlineExceededError": 1}


async def test_a_body_that_breaks_off_is_a_failed_call(seen: Capture) -> None:
    async with client(seen, Answers(dripping(b"x", httpx.ReadError("broken")))) as users:
        with pytest.raises(httpx.ReadError):
            await users.get("/")
    assert (seen.spans()[0].attributes or {})["error.type"] == "ReadError"


async def test_a_streamed_answer_lasts_until_it_is_closed(seen: Capture) -> None:
    async with client(seen, Answers(dripping(b"x"))) as users, users.stream("GET", "/") as response:
        async for _ in response.aiter_bytes():
            assert not seen.spans()
            break
    (span,) = seen.spans()
    assert span.status.status_code is StatusCode.UNSET
    assert seen.counts("http.client.request.duration", "http.response.status_code") == {200: 1}


async def test_a_call_that_is_cancelled_has_failed(seen: Capture) -> None:
    asked = asyncio.Event()

    async def silent() -> httpx.Response:
        asked.set()
        await asyncio.Event().wait()
        raise AssertionError

    async with client(seen, Answers(silent)) as users:
        asking = asyncio.create_task(users.get("/"))
        await asked.wait()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
    (span,) = seen.spans()
    assert span.status.status_code is StatusCode.ERROR
    assert (span.attributes or {})["error.type"] == "CancelledError"
    assert seen.counts("http.client.request.duration", "error.type") == {"CancelledError": 1}


def test_budget_refills_with_calls_and_time() -> None:
    now = 0.0
    budget = Budget(ratio=0.5, trickle=1.0, most=2.0, clock=lambda: now)
    assert [budget.take() for _ in range(3)] == [True, True, False]
    budget.called()
    budget.called()
    assert [budget.take() for _ in range(2)] == [True, False]
    now = 1.0
    assert [budget.take() for _ in range(2)] == [True, False]


@pytest.mark.parametrize(
    ("headers", "body", "injected"),
    [
        ({"server": "envoy"}, ABORT_BODY, True),
        ({"server": "envoy", "x-envoy-upstream-service-time": "3"}, ABORT_BODY, False),
        ({"server": "uvicorn"}, ABORT_BODY, False),
        ({"server": "envoy"}, b"no healthy upstream", False),
        ({"server": "envoy"}, b"x" * len(ABORT_BODY), False),
    ],
)
async def test_s1_11_an_injected_abort_is_told_from_evidence_only(
    seen: Capture, headers: dict[str, str], body: bytes, *, injected: bool
) -> None:
    async with client(seen, Answers(httpx.Response(503, headers=headers, content=body))) as users:
        assert (await users.get("/")).content == body
    attributes = seen.spans()[0].attributes or {}
    assert attributes.get("otel_mesh.fault.abort.status_code") == (503 if injected else None)
    assert attributes.get("otel_mesh.fault.evidence") == ("envoy-abort-body" if injected else None)


def test_callees_come_from_the_catalog() -> None:
    assert callee_url("user-service", {"USER_SERVICE_URL": "http://u:8081/"}) == "http://u:8081"
    with pytest.raises(ConfigError, match="ORDER_SERVICE_URL: not set; add order-service to the callees"):
        callee_url("order-service", {})


async def test_s1_12_without_propagation_the_trace_splits_and_our_tests_notice(seen: Capture) -> None:
    async def user_service(_scope: Any, _receive: Any, send: Any) -> None:  # noqa: ANN401
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    users_app = ServerMiddleware(user_service, **seen.providers)

    def gateway(users: httpx.AsyncClient) -> ServerMiddleware:
        async def handler(_scope: Any, _receive: Any, send: Any) -> None:  # noqa: ANN401
            await users.get("/users/7", extensions={"url_template": "/users/{id}"})
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"{}"})

        return ServerMiddleware(handler, **seen.providers)

    async def ask(users: httpx.AsyncClient) -> set[int]:
        before = len(seen.spans())
        transport = httpx.ASGITransport(gateway(users))
        async with users, httpx.AsyncClient(transport=transport, base_url="http://shop") as browser:
            await browser.get("/api/users/7")
        return {span.context.trace_id for span in seen.spans()[before:] if span.context}

    assert len(await ask(client(seen, httpx.ASGITransport(users_app)))) == 1
    assert seen.tree() == ["GET", "  GET /users/{id}", "    GET"]
    plain = httpx.AsyncClient(transport=httpx.ASGITransport(users_app), base_url="http://users:8081")
    assert len(await ask(plain)) == 2
