"""One log line per request, and an answer where the application raised."""

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
    """Middleware that ends every request with exactly one line.

    An exception that escapes the application becomes a 500 without any of its text; the line carries the
    traceback, and the current span the exception.

    Args:
        app: the application.
        exclude: paths that are not logged.
    """

    def __init__(self, app: ASGIApp, exclude: Collection[str] = ("/livez", "/readyz")) -> None:
        self._app = app
        self._exclude = frozenset(exclude)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 0

        async def watching(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        began = perf_counter()
        failure: Exception | None = None
        try:
            await self._app(scope, receive, watching)
        except Exception as error:
            failure = error
            get_current_span().record_exception(error)
            if status:
                raise  # the answer has begun: only a broken connection tells the caller
            await problem_response(_SERVER_ERROR, "the service failed; the error is in its log")(
                scope, receive, watching
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
