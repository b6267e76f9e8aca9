"""S1.8: a WebSocket is one server span, in the caller's trace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode
from starlette.applications import Starlette
from starlette.routing import Mount, WebSocketRoute
from starlette.websockets import WebSocketDisconnect

from otel_mesh_telemetry import ServerMiddleware, deadline
from otel_mesh_telemetry.header_capture import HeaderCapture
from otel_mesh_telemetry.testing import Capture, capture
from tests.app_images.telemetry.asgi_calls import scope_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.websockets import WebSocket

TRACEPARENT = {"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "x-tenant": "shop"}


@pytest.fixture
def seen() -> Iterator[Capture]:
    with capture() as running:
        yield running


async def echo(websocket: WebSocket) -> None:
    assert deadline.remaining() is None
    context = trace.get_current_span().get_span_context()
    await websocket.accept()
    await websocket.send_text(f"{context.trace_id:x}-{context.span_id:x}")
    message = await websocket.receive_text()
    if message == "fail":
        raise LookupError("nothing there")
    if message == "wait":
        await websocket.receive_text()
    await websocket.close(4000)


async def refusing(websocket: WebSocket) -> None:
    await websocket.close()


async def talk(seen: Capture, path: str, *said: str, code: int = 1001) -> list[Any]:
    """What the application sent to a caller that says some words and then hangs up."""
    routes = [WebSocketRoute("/{room}/ws", echo), WebSocketRoute("/refused", refusing)]
    app = Starlette(routes=[Mount("/chat", app=Starlette(routes=routes))])
    words = [{"type": "websocket.receive", "text": word} for word in said]
    incoming = iter([{"type": "websocket.connect"}, *words, {"type": "websocket.disconnect", "code": code}])
    sent: list[Any] = []

    async def receive() -> Any:  # noqa: ANN401
        return next(incoming)

    async def send(message: Any) -> None:  # noqa: ANN401
        sent.append(message)

    scope = scope_of(path, list(TRACEPARENT.items()), type="websocket", subprotocols=[], scheme="ws")
    del scope["method"]
    middleware = ServerMiddleware(app, features=[HeaderCapture(["x-tenant"])], **seen.providers)
    await middleware({**scope, "query_string": b"token=canary"}, receive, send)
    return sent


def only(seen: Capture) -> tuple[trace.StatusCode, dict[str, Any]]:
    (span,) = seen.spans()
    assert span.kind is SpanKind.SERVER
    return span.status.status_code, dict(span.attributes or {})


async def test_a_websocket_is_a_span_of_its_own_in_the_callers_trace(seen: Capture) -> None:
    accepted, told, closed = await talk(seen, "/chat/7/ws", "bye")
    assert (accepted["type"], closed["code"]) == ("websocket.accept", 4000)
    inside = told["text"]
    (span,) = seen.spans()
    assert span.name == "GET /chat/{room}/ws"
    assert span.context is not None
    assert span.parent is not None
    assert inside == f"{span.context.trace_id:x}-{span.context.span_id:x}"
    assert (span.context.trace_id, span.parent.span_id) == (0x4BF92F3577B34DA6A3CE929D0E0E4736, 0x00F067AA0BA902B7)
    code, attributes = only(seen)
    assert code is StatusCode.UNSET
    expected = {
        "http.request.method": "GET",
        "http.response.status_code": 101,
        "http.route": "/chat/{room}/ws",
        "network.protocol.name": "websocket",
        "otel_mesh.websocket.close_code": 4000,
        "url.scheme": "ws",
        "url.path": "/chat/7/ws",
        "url.query": "token=REDACTED",
        "http.request.header.x-tenant": ("shop",),
    }
    assert {name: attributes[name] for name in expected} == expected
    assert "otel_mesh.response.incomplete" not in attributes
    assert not seen.points("http.server.request.duration"), "hours of a connection are no latency"


async def test_a_refused_handshake_is_no_error(seen: Capture) -> None:
    await talk(seen, "/chat/refused")
    code, attributes = only(seen)
    assert (code, attributes["http.response.status_code"]) == (StatusCode.UNSET, 403)


async def test_a_caller_who_hangs_up_is_no_error(seen: Capture) -> None:
    with pytest.raises(WebSocketDisconnect):
        await talk(seen, "/chat/7/ws", "wait", code=1006)
    code, attributes = only(seen)
    assert (code, attributes["otel_mesh.websocket.close_code"]) == (StatusCode.UNSET, 1006)


async def test_an_exception_in_a_websocket_is_an_error(seen: Capture) -> None:
    with pytest.raises(LookupError):
        await talk(seen, "/chat/7/ws", "fail")
    code, attributes = only(seen)
    assert (code, attributes["error.type"]) == (StatusCode.ERROR, "LookupError")
    assert [event.name for event in seen.spans()[0].events] == ["exception"]
