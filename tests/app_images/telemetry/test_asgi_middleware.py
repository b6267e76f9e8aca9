"""S1.8: one server span and one duration per request."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.metrics.export import HistogramDataPoint
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import SpanKind, StatusCode
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route, Router

from otel_mesh_telemetry import ServerMiddleware
from otel_mesh_telemetry.deadline import remaining
from otel_mesh_telemetry.sampling import mesh_sampler
from otel_mesh_telemetry.testing import Capture, capture
from tests.app_images.telemetry.asgi_calls import call, scope_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from starlette.requests import Request

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-"


@pytest.fixture
def seen() -> Iterator[Capture]:
    with capture() as running:
        yield running


async def user(request: Request) -> Response:
    status = int(request.query_params.get("status", "200"))
    return PlainTextResponse("ok", status)


async def failing(_request: Request) -> Response:
    raise LookupError("nothing there")


async def chunks() -> AsyncIterator[bytes]:
    for _ in range(3):
        yield b"x"


async def streaming(_request: Request) -> Response:
    return StreamingResponse(chunks())


def application() -> Starlette:
    inner = Router([Route("/orders/{order}", user), Route("/", user)])
    return Starlette(
        routes=[
            Route("/users/{id:int}", user, methods=["GET", "POST"]),
            Route("/fail", failing),
            Route("/stream", streaming),
            Mount("/shops/{shop}", routes=[Mount("/api", app=inner)]),
            Mount("/files", app=PlainTextResponse("file")),
            Route("/livez", user),
        ]
    )


def wrapped(seen: Capture, app: Any = None, **options: Any) -> ServerMiddleware:  # noqa: ANN401
    return ServerMiddleware(app or application(), **seen.providers, **options)


async def test_s1_8_one_span_named_by_method_and_route_with_stable_conventions(seen: Capture) -> None:
    headers = [("host", "shop.example:8080"), ("user-agent", "curl/8"), ("authorization", "Bearer canary")]
    scope = scope_of("/users/7", headers, query_string=b"token=canary&page")
    await call(wrapped(seen), scope)
    (span,) = seen.spans()
    assert (span.name, span.kind, span.status.status_code) == ("GET /users/{id}", SpanKind.SERVER, StatusCode.UNSET)
    assert dict(span.attributes or {}) == {
        "http.request.method": "GET",
        "url.path": "/users/7",
        "url.scheme": "http",
        "url.query": "token=REDACTED&page",
        "network.protocol.version": "1.1",
        "server.address": "shop.example",
        "server.port": 8080,
        "user_agent.original": "curl/8",
        "http.route": "/users/{id}",
        "http.response.status_code": 200,
    }
    (point,) = seen.points("http.server.request.duration")
    assert isinstance(point, HistogramDataPoint)
    assert dict(point.attributes or {}) == {
        "http.request.method": "GET",
        "url.scheme": "http",
        "http.route": "/users/{id}",
        "http.response.status_code": 200,
    }
    assert point.explicit_bounds == (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/shops/7/api/orders/9", "GET /shops/{shop}/api/orders/{order}"),
        ("/shops/7/api/", "GET /shops/{shop}/api/"),
        ("/files/a/b.txt", "GET /files/{path}"),
        ("/nothing/here", "GET"),
        ("/users/abc", "GET"),
    ],
)
async def test_s1_8_names_have_low_cardinality_for_mounts_and_unknown_paths(
    seen: Capture, path: str, name: str
) -> None:
    await call(wrapped(seen), scope_of(path))
    assert [span.name for span in seen.spans()] == [name]


async def test_s1_8_a_wrong_method_and_an_unknown_one(seen: Capture) -> None:
    app = wrapped(seen)
    await call(app, scope_of("/users/7", method="DELETE"))
    await call(app, scope_of("/users/7", method="BREW"))
    delete, brew = seen.spans()
    assert (delete.name, (delete.attributes or {})["http.response.status_code"]) == ("DELETE /users/{id}", 405)
    attributes = brew.attributes or {}
    assert brew.name == "HTTP /users/{id}"
    assert (attributes["http.request.method"], attributes["http.request.method_original"]) == ("_OTHER", "BREW")


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (204, StatusCode.UNSET, None),
        (404, StatusCode.UNSET, None),
        (500, StatusCode.ERROR, "500"),
        (503, StatusCode.ERROR, "503"),
    ],
)
async def test_s1_8_server_errors_are_errors_and_callers_mistakes_are_not(
    seen: Capture, status: int, code: StatusCode, error: str | None
) -> None:
    await call(wrapped(seen), scope_of("/users/7", query_string=f"status={status}".encode()))
    (span,) = seen.spans()
    assert span.status.status_code is code
    assert (span.attributes or {}).get("error.type") == error
    assert seen.counts("http.server.request.duration", "error.type") == {error: 1}


async def test_s1_8_an_escaping_exception_is_recorded_and_goes_on(seen: Capture) -> None:
    with pytest.raises(LookupError, match="nothing there"):
        await call(wrapped(seen), scope_of("/fail"))
    (span,) = seen.spans()
    assert span.name == "GET /fail"
    assert span.status.status_code is StatusCode.ERROR
    assert (span.attributes or {})["error.type"] == "LookupError"
    assert (span.attributes or {})["http.response.status_code"] == 500
    assert [event.name for event in span.events] == ["exception"]
    assert trace.get_current_span() is trace.INVALID_SPAN, "the context was given back"


async def test_s1_8_the_span_continues_the_caller_and_is_current_in_the_handler(seen: Capture) -> None:
    inside: list[tuple[int, float | None]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401
        inside.append((trace.get_current_span().get_span_context().span_id, remaining()))
        logging.getLogger("shop").warning("inside")
        await PlainTextResponse("ok")(scope, receive, send)

    headers = [("traceparent", TRACEPARENT + "01"), ("x-request-timeout-ms", "29000")]
    await call(wrapped(seen, app), scope_of("/", headers))
    (span,) = seen.spans()
    assert span.parent is not None
    assert span.context is not None
    assert (span.context.trace_id, span.parent.span_id) == (0x4BF92F3577B34DA6A3CE929D0E0E4736, 0x00F067AA0BA902B7)
    ((current, left),) = inside
    assert current == span.context.span_id
    assert left is not None
    assert 1.0 < left <= 29.0
    assert remaining() is None
    (record,) = seen.records()
    assert (record.log_record.trace_id, record.log_record.span_id) == (span.context.trace_id, span.context.span_id)


@pytest.mark.parametrize("sampler", [mesh_sampler(ingress=True), None])
async def test_s1_8_an_unsampled_request_is_measured_and_keeps_its_trace(sampler: Any) -> None:  # noqa: ANN401
    inside: list[trace.SpanContext] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401
        inside.append(trace.get_current_span().get_span_context())
        await PlainTextResponse("ok")(scope, receive, send)

    with capture(sampler=sampler) as seen:
        await call(wrapped(seen, app), scope_of("/", [("traceparent", TRACEPARENT + "00"), ("tracestate", "a=b")]))
    assert not seen.spans()
    (context,) = inside
    assert context.trace_id == 0x4BF92F3577B34DA6A3CE929D0E0E4736
    assert context.span_id not in (0, 0x00F067AA0BA902B7)
    assert not context.is_remote
    assert not context.trace_flags.sampled
    assert context.trace_state.get("a") == "b"
    assert seen.counts("http.server.request.duration", "http.request.method") == {"GET": 1}


async def test_s1_13_a_sampler_of_the_users_own_sees_every_request_and_its_attributes() -> None:
    with capture(sampler=ALWAYS_ON) as seen:
        await call(wrapped(seen), scope_of("/users/7", [("traceparent", TRACEPARENT + "00")]))
    assert len(seen.spans()) == 1


async def test_s2_6_durations_of_sampled_requests_have_exemplars(seen: Capture) -> None:
    await call(wrapped(seen), scope_of("/users/7"))
    (point,) = seen.points("http.server.request.duration")
    (span,) = seen.spans()
    assert span.context is not None
    assert [(e.trace_id, e.span_id) for e in point.exemplars] == [(span.context.trace_id, span.context.span_id)]


async def test_s2_6_active_requests_go_up_and_down(seen: Capture) -> None:
    during: list[dict[Any, float]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401
        during.append(seen.counts("http.server.active_requests", "http.request.method"))
        await PlainTextResponse("ok")(scope, receive, send)

    await call(wrapped(seen, app), scope_of("/"))
    assert during == [{"GET": 1}]
    assert seen.counts("http.server.active_requests", "http.request.method") == {"GET": 0}


async def test_s2_2_probes_leave_nothing(seen: Capture) -> None:
    app = wrapped(seen)
    for path in ("/livez", "/readyz"):
        await call(app, scope_of(path))
    assert not seen.spans()
    assert not seen.points("http.server.request.duration")


async def test_streaming_lasts_until_its_end(seen: Capture) -> None:
    sent = await call(wrapped(seen), scope_of("/stream"))
    assert [message.get("body") for message in sent[1:]] == [b"x", b"x", b"x", b""]
    (span,) = seen.spans()
    assert "otel_mesh.response.incomplete" not in (span.attributes or {})


async def test_a_caller_who_hangs_up_is_no_error_of_ours(seen: Capture) -> None:
    async def app(_scope: Any, _receive: Any, send: Any) -> None:  # noqa: ANN401
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        await call(wrapped(seen, app), scope_of("/"))
    (span,) = seen.spans()
    assert span.status.status_code is StatusCode.UNSET
    assert (span.attributes or {})["otel_mesh.response.incomplete"] is True


async def test_a_cancelled_request_ends_its_span(seen: Capture) -> None:
    async def app(_scope: Any, _receive: Any, _send: Any) -> None:  # noqa: ANN401
        await asyncio.sleep(60)

    task = asyncio.create_task(call(wrapped(seen, app), scope_of("/")))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    (span,) = seen.spans()
    assert (span.attributes or {})["otel_mesh.response.incomplete"] is True


async def test_lifespan_passes_through_untouched(seen: Capture) -> None:
    scopes: list[str] = []

    async def app(scope: Any, _receive: Any, _send: Any) -> None:  # noqa: ANN401
        scopes.append(scope["type"])

    await call(wrapped(seen, app), {"type": "lifespan"})
    assert scopes == ["lifespan"]
    assert not seen.spans()


async def test_wrapped_twice_still_leaves_one_span(seen: Capture) -> None:
    await call(wrapped(seen, wrapped(seen)), scope_of("/users/7"))
    assert len(seen.spans()) == 1


async def test_repeated_traceparents_are_not_believed(seen: Capture) -> None:
    twice = [("traceparent", TRACEPARENT + "01"), ("traceparent", TRACEPARENT + "01")]
    await call(wrapped(seen), scope_of("/users/7", twice))
    assert seen.spans()[0].parent is None
