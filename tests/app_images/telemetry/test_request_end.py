"""When a request is over: with the last byte of its answer, whatever the application does after it."""

from __future__ import annotations

import asyncio
import logging
from time import perf_counter
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.metrics.export import HistogramDataPoint
from opentelemetry.trace import StatusCode
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from otel_mesh_telemetry import ServerMiddleware, deadline
from otel_mesh_telemetry.features import ReadOnly
from otel_mesh_telemetry.testing import Capture, capture
from tests.app_images.telemetry.asgi_calls import call, scope_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from starlette.requests import Request


@pytest.fixture
def seen() -> Iterator[Capture]:
    with capture() as running:
        yield running


class Work:
    """A background task that looks around and then waits to be let go, or fails."""

    def __init__(self, seen: Capture, error: Exception | None = None) -> None:
        self._seen = seen
        self._error = error
        self.running = asyncio.Event()
        self.go = asyncio.Event()
        self.spans: list[str] = []
        self.left: list[float | None] = []

    async def __call__(self) -> None:
        self.spans = [span.name for span in self._seen.spans()]
        self.left.append(deadline.remaining())
        self.running.set()
        await self.go.wait()
        if self._error is not None:
            raise self._error


def application(work: Work, status: int = 200) -> Starlette:
    async def endpoint(_request: Request) -> Response:
        return PlainTextResponse("ok", status, background=BackgroundTask(work))

    return Starlette(routes=[Route("/orders/{id}", endpoint)])


async def test_a_background_task_is_no_part_of_the_request(seen: Capture) -> None:
    work = Work(seen)
    app = ServerMiddleware(application(work), **seen.providers)
    serving = asyncio.create_task(call(app, scope_of("/orders/7", [("x-request-timeout-ms", "5000")])))
    await work.running.wait()
    assert work.spans == ["GET /orders/{id}"], "the span has ended before the task began"
    assert seen.counts("http.server.request.duration", "http.route") == {"/orders/{id}": 1}
    assert seen.counts("http.server.active_requests", "http.request.method") == {"GET": 0}
    assert work.left == [None], "nobody waits for the task any more"
    work.go.set()
    await serving
    assert len(seen.spans()) == 1


async def test_a_background_task_that_fails_after_a_200_leaves_the_request_as_it_was(seen: Capture) -> None:
    work = Work(seen, LookupError("later"))
    work.go.set()
    with pytest.raises(LookupError):
        await call(ServerMiddleware(application(work), **seen.providers), scope_of("/orders/7"))
    (span,) = seen.spans()
    assert span.status.status_code is StatusCode.UNSET
    assert dict(span.attributes or {})["http.response.status_code"] == 200
    assert "error.type" not in (span.attributes or {})
    assert not span.events


async def test_a_task_started_in_a_handler_is_bound_only_until_the_answer(seen: Capture) -> None:
    left: list[float | None] = []
    answered = asyncio.Event()
    tasks: list[asyncio.Task[None]] = []

    async def later() -> None:
        left.append(deadline.remaining())
        await answered.wait()
        left.append(deadline.remaining())
        with deadline.within(10):
            left.append(deadline.remaining())

    async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401
        tasks.append(asyncio.create_task(later()))
        await asyncio.sleep(0)
        await PlainTextResponse("ok")(scope, receive, send)

    await call(ServerMiddleware(app, **seen.providers), scope_of("/", [("x-request-timeout-ms", "1")]))
    answered.set()
    await tasks[0]
    during, after, own = left
    assert during is not None
    assert during <= 0.001
    assert after is None
    assert own is not None
    assert own > 1


async def test_an_expired_deadline_can_be_lifted_on_purpose() -> None:
    with deadline.within(0):
        with deadline.within(10):
            assert (deadline.remaining() or 1) <= 0, "an inner one cannot lift an outer one"
        with deadline.detached(10):
            assert (deadline.remaining() or 0) > 1
            with deadline.within(20):
                assert 1 < (deadline.remaining() or 0) <= 10
        with deadline.detached():
            assert deadline.remaining() is None
        assert (deadline.remaining() or 1) <= 0


@pytest.mark.parametrize("kind", ["http.response.pathsend", "http.response.zerocopysend"])
async def test_an_answer_sent_as_a_file_is_complete(seen: Capture, kind: str) -> None:
    async def app(_scope: Any, _receive: Any, send: Any) -> None:  # noqa: ANN401
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": kind, "path": "/tmp/x", "file": 3})  # noqa: S108 - never opened

    await call(ServerMiddleware(app, **seen.providers), scope_of("/"))
    assert "otel_mesh.response.incomplete" not in (seen.spans()[0].attributes or {})


async def test_the_exception_behind_an_answer_of_500_is_told(seen: Capture) -> None:
    async def failing(_request: Request) -> Response:
        raise LookupError("nothing there")

    app = ServerMiddleware(Starlette(routes=[Route("/x", failing)]), **seen.providers)
    with pytest.raises(LookupError):
        await call(app, scope_of("/x"))
    (span,) = seen.spans()
    assert [event.name for event in span.events] == ["exception"]
    assert dict(span.attributes or {})["error.type"] == "LookupError"
    assert dict(span.attributes or {})["http.response.status_code"] == 500


async def test_middlewares_on_one_meter_count_all_active_requests(seen: Capture) -> None:
    during: list[dict[Any, float]] = []

    async def inner(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401
        during.append(seen.counts("http.server.active_requests", "http.request.method"))
        await PlainTextResponse("ok")(scope, receive, send)

    apps = [ServerMiddleware(inner, **seen.providers)]
    for _ in range(3):
        below = apps[-1]

        async def outer(scope: Any, receive: Any, send: Any, below: ServerMiddleware = below) -> None:  # noqa: ANN401
            await below(scope_of("/"), receive, send)
            del scope

        apps.append(ServerMiddleware(outer, **seen.providers))
    await call(apps[-1], scope_of("/"))
    assert during == [{"GET": 4}]
    assert seen.counts("http.server.active_requests", "http.request.method") == {"GET": 0}


class Failing(ReadOnly):
    changes_context = True
    headers = frozenset({"x-any"})

    def enter(self, carrier: Mapping[str, str], context: Any) -> Any:  # noqa: ANN401
        raise LookupError(carrier, context)

    def describe(self, carrier: Mapping[str, str], context: Any, attributes: Any) -> None:  # noqa: ANN401
        raise LookupError(carrier, context, attributes)


async def test_a_feature_that_raises_fails_no_request_and_is_logged_once(
    seen: Capture, caplog: pytest.LogCaptureFixture
) -> None:
    app = ServerMiddleware(application(Work(seen)), features=[Failing()], **seen.providers)
    with caplog.at_level(logging.ERROR, "otel_mesh_telemetry.features"):
        for _ in range(3):
            serving = asyncio.create_task(call(app, scope_of("/none")))
            await serving
    assert len(seen.spans()) == 3
    told = [record for record in caplog.records if record.name == "otel_mesh_telemetry.features"]
    assert [record.getMessage().split(";")[0] for record in told] == ["server feature Failing failed"]


async def test_a_caller_that_leaves_before_the_last_byte_got_an_incomplete_answer(seen: Capture) -> None:
    async def app(_scope: Any, _receive: Any, send: Any) -> None:  # noqa: ANN401
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"x"})

    async def send(message: Any) -> None:  # noqa: ANN401
        if message["type"] == "http.response.body":
            raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        await ServerMiddleware(app, **seen.providers)(scope_of("/"), None, send)  # type: ignore[arg-type]
    (span,) = seen.spans()
    assert (span.attributes or {})["otel_mesh.response.incomplete"] is True
    assert span.status.status_code is StatusCode.UNSET
    assert trace.get_current_span() is trace.INVALID_SPAN


async def test_the_duration_ends_with_the_answer_too_where_a_task_follows_an_error(seen: Capture) -> None:
    work = Work(seen)
    app = ServerMiddleware(application(work, status=503), **seen.providers)
    began = perf_counter()
    serving = asyncio.create_task(call(app, scope_of("/orders/7", [("x-request-timeout-ms", "5000")])))
    await work.running.wait()
    answered = perf_counter()
    await asyncio.sleep(0.01)
    work.go.set()
    await serving
    (point,) = seen.points("http.server.request.duration")
    assert isinstance(point, HistogramDataPoint)
    assert dict(point.attributes or {})["error.type"] == "503"
    assert point.sum <= answered - began
    assert work.left == [None]
