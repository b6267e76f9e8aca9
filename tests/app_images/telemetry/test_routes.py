"""S1.8: names of routes in mounted applications and routers: all of their prefix, none of its values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from fastapi import APIRouter, FastAPI
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Host, Mount, Route, Router

from otel_mesh_telemetry import ServerMiddleware
from otel_mesh_telemetry.testing import Capture, capture
from tests.app_images.telemetry.asgi_calls import call, scope_of

if TYPE_CHECKING:
    from starlette.requests import Request


async def endpoint(_request: Request) -> Response:
    return PlainTextResponse("ok")


class Through:
    """A middleware as others write them."""

    def __init__(self, app: Any) -> None:  # noqa: ANN401
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401
        await self.app(scope, receive, send)


def users() -> Starlette:
    return Starlette(routes=[Route("/users/{id}", endpoint)])


SHARED = users()

APPLICATIONS: dict[str, tuple[Any, str, str]] = {
    "an application in a mount": (
        Starlette(routes=[Mount("/shops/{shop}", app=users())]),
        "/shops/7/users/9",
        "/shops/{shop}/users/{id}",
    ),
    "in two mounts": (
        Starlette(routes=[Mount("/a", routes=[Mount("/{b}", app=users())])]),
        "/a/b/users/9",
        "/a/{b}/users/{id}",
    ),
    "inside of middleware": (
        Starlette(routes=[Mount("/api", app=Through(users()))]),
        "/api/users/9",
        "/api/users/{id}",
    ),
    "a mount with middleware": (
        Starlette(routes=[Mount("/api", routes=[Route("/users/{id}", endpoint)], middleware=[Middleware(Through)])]),
        "/api/users/9",
        "/api/users/{id}",
    ),
    "mounted twice, first": (
        Starlette(routes=[Mount("/v1/{shop}", app=SHARED), Mount("/v2/{shop}", app=SHARED)]),
        "/v1/7/users/9",
        "/v1/{shop}/users/{id}",
    ),
    "mounted twice, second": (
        Starlette(routes=[Mount("/v1/{shop}", app=SHARED), Mount("/v2/{shop}", app=SHARED)]),
        "/v2/7/users/9",
        "/v2/{shop}/users/{id}",
    ),
    "mounted and not": (
        Starlette(routes=[Mount("/v1", app=SHARED), *SHARED.routes]),
        "/users/9",
        "/users/{id}",
    ),
    "a host": (Starlette(routes=[Host("shop.example", app=users())]), "/users/9", "/users/{id}"),
    "a router alone": (Router([Mount("/api", app=users())]), "/api/users/9", "/api/users/{id}"),
    "wrapped from outside": (
        Through(Starlette(routes=[Mount("/api", app=users())])),
        "/api/users/9",
        "/api/users/{id}",
    ),
    "a mount of files": (
        Starlette(routes=[Mount("/files", app=PlainTextResponse("file"))]),
        "/files/a/b",
        "/files/{path}",
    ),
}


@pytest.mark.parametrize("name", APPLICATIONS)
async def test_a_route_is_named_whole(name: str) -> None:
    app, path, route = APPLICATIONS[name]
    with capture() as seen:
        for _ in range(2):
            await call(ServerMiddleware(app, **seen.providers), scope_of(path, [("host", "shop.example")]))
    assert {span.name for span in seen.spans()} == {f"GET {route}"}


async def test_a_middleware_inside_of_a_mount_names_the_whole_route_too() -> None:
    with capture() as seen:
        app = Starlette(routes=[Mount("/api", app=ServerMiddleware(users(), **seen.providers))])
        await call(app, scope_of("/api/users/9"))
        assert [span.name for span in seen.spans()] == ["GET /api/users/{id}"]


async def test_routes_made_as_requests_come_neither_fill_the_memory_nor_lose_their_name() -> None:
    app = Starlette()
    with capture() as seen:
        middleware = ServerMiddleware(app, **seen.providers)
        for _ in range(50):
            app.router.routes[:] = [Route("/users/{id}", endpoint)]
            await call(middleware, scope_of("/users/9"))
        assert {span.name for span in seen.spans()} == {"GET /users/{id}"}
        assert len(middleware._routes._known) == 1  # noqa: SLF001 - what would grow


def fastapi_application(seen: Capture) -> FastAPI:
    inner = APIRouter()

    @inner.get("/users/{number}")
    async def user(number: int) -> int:
        return number

    outer = APIRouter(prefix="/outer")
    outer.include_router(inner, prefix="/in")
    mounted = FastAPI()
    mounted.include_router(inner, prefix="/deep")
    # Its own telemetry as an application would have it that has started OpenTelemetry: the middleware stands for it.
    app = FastAPI(telemetry={"tracer_provider": seen.tracer_provider, "meter_provider": seen.meter_provider})
    app.include_router(inner, prefix="/api/{tenant}")
    app.include_router(inner, prefix="/v2")
    app.include_router(outer)
    app.mount("/shops/{shop}", mounted)

    @app.get("/plain")
    async def plain() -> str:
        return "ok"

    return app


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/api/shop/users/1", "GET /api/{tenant}/users/{number}"),
        ("/v2/users/1", "GET /v2/users/{number}"),
        ("/outer/in/users/1", "GET /outer/in/users/{number}"),
        ("/shops/7/deep/users/1", "GET /shops/{shop}/deep/users/{number}"),
        ("/plain", "GET /plain"),
        ("/api/shop/users/x", "GET /api/{tenant}/users/{number}"),
        ("/unknown/7", "GET"),
    ],
)
async def test_routes_of_fastapi_keep_the_prefix_of_their_router_and_leave_one_span(path: str, name: str) -> None:
    with capture() as seen:
        await call(ServerMiddleware(fastapi_application(seen), **seen.providers), scope_of(path))
        assert [span.name for span in seen.spans()] == [name]
        assert sum(seen.counts("http.server.request.duration", "http.request.method").values()) == 1
