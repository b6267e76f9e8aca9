"""A small service with complete telemetry: ``python -m bench.outage.service PORT``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from otel_mesh_telemetry import ServerMiddleware, init

if TYPE_CHECKING:
    from starlette.requests import Request


async def user(request: Request) -> PlainTextResponse:
    """Responds immediately."""
    return PlainTextResponse(request.path_params["id"])


if __name__ == "__main__":
    telemetry = init(handle_sigterm=False)
    app = ServerMiddleware(Starlette(routes=[Route("/users/{id}", user)]))
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_config=None, access_log=False)
    telemetry.shutdown()
