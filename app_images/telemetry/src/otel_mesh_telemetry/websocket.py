"""A WebSocket in progress: the outcome of its handshake and its close code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_mesh_telemetry import exceptions
from otel_mesh_telemetry.exchange import ERROR_FROM, describe, disconnected
from otel_mesh_telemetry.http_server import request_attributes

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, MutableMapping

    from opentelemetry.trace import Span

    from otel_mesh_telemetry.routes import RouteIndex

    Message = MutableMapping[str, Any]
    Send = Callable[[Message], Awaitable[None]]
    Receive = Callable[[], Awaitable[Message]]

_SWITCHED = 101
_REFUSED = 403
_CLOSE_CODE = "otel_mesh.websocket.close_code"


def socket_attributes(scope: MutableMapping[str, Any], carrier: Mapping[str, str]) -> dict[str, str | int]:
    """Attributes of the handshake: a GET request, although the scope has no method."""
    return request_attributes({**scope, "method": "GET"}, carrier) | {"network.protocol.name": "websocket"}


class SocketExchange:
    """Observes the messages of a WebSocket.

    Args:
        scope: ASGI scope of the connection.
        receive: The server's ``receive``.
        send: The server's ``send``.
        span: Server span of the connection.
        routes: Index of route templates.
    """

    def __init__(
        self, scope: MutableMapping[str, Any], receive: Receive, send: Send, span: Span, routes: RouteIndex
    ) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._span = span
        self._routes = routes
        self._status: int | None = None
        self._error: str | None = None
        self._closed = False

    def send(self, message: Message) -> Awaitable[None]:
        """Forward a message."""
        kind = message["type"]
        if kind == "websocket.accept":
            self._status = _SWITCHED
        elif kind == "websocket.http.response.start":
            self._status = message["status"]
        elif kind == "websocket.close":
            if self._status is None:
                self._status = _REFUSED  # the status that servers send in this case
            else:
                self._close(message.get("code", 1000))
            self._closed = True
        return self._send(message)

    async def receive(self) -> Message:
        """The next message."""
        message = await self._receive()
        if message["type"] == "websocket.disconnect":
            self._close(message.get("code", 1005))
            self._closed = True
        return message

    def _close(self, code: int) -> None:
        if not self._closed:
            self._span.set_attribute(_CLOSE_CODE, code)

    def failed(self, exception: Exception) -> None:
        """Record an unhandled exception of the application, unless it reports a disconnected client."""
        if not disconnected(exception) and type(exception).__name__ != "WebSocketDisconnect":
            self._error = type(exception).__qualname__
            exceptions.record(self._span, exception)

    def finish(self) -> None:
        """End the connection's span."""
        error, status = self._error, self._status
        if error is None and status is not None and status >= ERROR_FROM:
            error = str(status)
        if self._span.is_recording():
            complete = self._closed or (status is not None and status != _SWITCHED)
            describe(self._span, "GET", self._routes.template(self._scope), status, error, complete=complete)
        self._span.end()
