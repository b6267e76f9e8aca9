"""A log line per request, and status 500 for unhandled exceptions."""

from __future__ import annotations

import logging
from time import perf_counter
from typing import TYPE_CHECKING

from opentelemetry.trace import get_current_span

from service_kit.problem import problem_response

if TYPE_CHECKING:
    from collections.abc import Collection

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_log = logging.getLogger("service_kit.requests")
_SERVER_ERROR = 500


class RequestLog:
    """Middleware that logs exactly one line per request.

    An unhandled exception becomes a response of status 500 without the exception's message. The log line has the
    traceback, and the current span the exception.

    Args:
        app: ASGI application.
        exclude: Paths that are not logged.
    """

    def __init__(self, app: ASGIApp, exclude: Collection[str] = ("/livez", "/readyz")) -> None:
        self._app = app
        self._exclude = frozenset(exclude)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection of the ASGI protocol."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 0

        async def observed_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        began = perf_counter()
        failure: Exception | None = None
        try:
            await self._app(scope, receive, observed_send)
        except Exception as error:
            failure = error
            get_current_span().record_exception(error)
            if status:
                raise  # the response has started: only a closed connection can report the failure
            await problem_response(_SERVER_ERROR, "internal error; see the log of the service")(
                scope, receive, observed_send
            )
        finally:
            if scope["path"] not in self._exclude or failure is not None:
                _line(scope, status, perf_counter() - began, failure)


def _line(scope: Scope, status: int, seconds: float, failure: Exception | None) -> None:
    level = logging.ERROR if failure else logging.WARNING if status >= _SERVER_ERROR else logging.INFO
    route = getattr(scope.get("route"), "path", None)
    _log.log(
        level,
        "request failed" if failure else "request",
        extra={
            "http.request.method": scope["method"],
            "http.route": route or "",
            "http.response.status_code": status,
            "duration_ms": round(seconds * 1000, 3),
        },
        exc_info=failure,
    )
