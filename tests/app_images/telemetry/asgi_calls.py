"""Calling an ASGI application as a server does, header by header."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping, Sequence

    App = Callable[[MutableMapping[str, Any], Any, Any], Awaitable[None]]


def scope_of(path: str = "/", headers: Sequence[tuple[str, str]] = (), **changes: Any) -> dict[str, Any]:  # noqa: ANN401
    return {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "query_string": b"",
        "root_path": "",
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers],
        "client": ("10.0.0.1", 1),
        "server": ("10.0.0.2", 8080),
        **changes,
    }


async def call(app: App, scope: MutableMapping[str, Any]) -> list[MutableMapping[str, Any]]:
    """The messages that the application sent."""
    sent: list[MutableMapping[str, Any]] = []

    first = {"http": "http.request", "websocket": "websocket.connect"}.get(scope["type"], "lifespan.startup")
    request = iter([{"type": first, "body": b"", "more_body": False}])

    async def receive() -> dict[str, Any]:
        for message in request:
            return message
        await asyncio.Event().wait()  # as a server: nothing more comes until the caller hangs up
        raise AssertionError

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent
