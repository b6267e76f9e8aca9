"""Errors as ``application/problem+json`` (RFC 9457)."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from starlette.requests import Request
    from starlette.responses import Response


class Problem(Exception):  # noqa: N818 - RFC 9457's own word
    """An error response.

    Args:
        status: HTTP status.
        detail: Explanation for the caller, without internals and personal data.
        headers: Additional response headers.
        members: Extension members of the body (RFC 9457, 3.2), such as the ID of the affected order.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        headers: Mapping[str, str] | None = None,
        members: Mapping[str, str | int] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers
        self.members = members


def problem_response(
    status: int,
    detail: str,
    headers: Mapping[str, str] | None = None,
    members: Mapping[str, str | int] | None = None,
) -> JSONResponse:
    """The response for a problem."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    body |= members or {}
    return JSONResponse(body, status, headers, media_type="application/problem+json")


async def _problem(_request: Request, error: Exception) -> Response:
    if not isinstance(error, Problem):
        raise error
    return problem_response(error.status, error.detail, error.headers, error.members)


async def _http_exception(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    details = {404: f"nothing is served at {request.url.path}", 405: f"{request.method} is not allowed here"}
    return problem_response(error.status_code, details.get(error.status_code, error.detail), error.headers)


HANDLERS: dict[type[Exception], Callable[[Request, Exception], Awaitable[Response]]] = {
    Problem: _problem,
    HTTPException: _http_exception,
}
"""Exception handlers for ``Starlette(exception_handlers=...)``."""
