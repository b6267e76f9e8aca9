"""Liveness and readiness."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from starlette.responses import PlainTextResponse
from starlette.routing import Route

from service_kit.problem import problem_response

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.responses import Response

_log = logging.getLogger(__name__)


class Probes:
    """Liveness (``/livez``) and readiness (``/readyz``) of a service.

    Readiness depends only on resources of this service, such as its database, and not on called services: a failing
    callee must not take its callers out of service.

    Args:
        check: Readiness check, which raises if the service cannot work; None for always ready.
        timeout: Timeout of the check in seconds.

    Attributes:
        draining: True: the process is shutting down and not ready.
    """

    def __init__(self, check: Callable[[], Awaitable[None]] | None = None, timeout: float = 2.0) -> None:
        self._check = check
        self._timeout = timeout
        self._failure = ""
        self.draining = False

    def routes(self) -> list[Route]:
        """The routes of the probes."""
        return [Route("/livez", self._livez), Route("/readyz", self._readyz)]

    async def _livez(self, _request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def _readyz(self, _request: Request) -> Response:
        reason = await self.reason_against()
        return PlainTextResponse("ok\n") if reason is None else problem_response(503, reason)

    async def reason_against(self) -> str | None:
        """Why the service is not ready, as a short text; None if it is ready."""
        if self.draining:
            return "shutting down"
        if self._check is not None:
            try:
                async with asyncio.timeout(self._timeout):
                    await self._check()
            except Exception as error:  # noqa: BLE001 - any failure means "not ready", and its reason is logged
                # Once per kind of failure: a database that is back may still lack migrations.
                if self._failure != type(error).__name__:
                    _log.warning("not ready: %s: %s", type(error).__name__, error)
                self._failure = type(error).__name__
                return "a dependency is unavailable"
        self._failure = ""
        return None
