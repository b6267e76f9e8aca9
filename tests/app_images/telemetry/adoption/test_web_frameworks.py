"""Applications of five kinds join their caller's trace: without a line of code, and with one call."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tests.app_images.telemetry.adoption.foreign import BIN, CALLER, SERVER, TRACE, Application, metric, of_kind
from tests.app_images.telemetry.otlp_receiver import Receiver, plain

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FASTAPI = """
    from fastapi import FastAPI

    app = FastAPI()

    @app.get("/books/{number}")
    async def book(number: int) -> dict[str, int]:
        if number == 13:
            raise RuntimeError("no such luck")
        return {"number": number}

    @app.get("/livez")
    def livez() -> str:
        return "ok"
"""
STARLETTE = """
    from starlette.applications import Starlette
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    async def book(request):
        if request.path_params["number"] == 13:
            raise RuntimeError("no such luck")
        return JSONResponse(request.path_params)

    async def livez(request):
        return JSONResponse("ok")

    app = Starlette(routes=[Route("/books/{number:int}", book), Route("/livez", livez)])
"""
FLASK = """
    from flask import Flask

    app = Flask(__name__)

    @app.get("/books/<int:number>")
    def book(number):
        if number == 13:
            raise RuntimeError("no such luck")
        return {"number": number}

    @app.get("/livez")
    def livez():
        return "ok"
"""
DJANGO_SETTINGS = """
    SECRET_KEY = "canary-for-tests"
    ROOT_URLCONF = "urls"
    ALLOWED_HOSTS = ["*"]
    MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
    LOGGING_CONFIG = None
"""
DJANGO_URLS = """
    from django.http import JsonResponse
    from django.urls import path

    def book(request, number):
        if number == 13:
            raise RuntimeError("no such luck")
        return JsonResponse({"number": number})

    def livez(request):
        return JsonResponse({})

    urlpatterns = [path("books/<int:number>", book), path("livez", livez)]
"""
DJANGO = {"settings.py": DJANGO_SETTINGS, "urls.py": DJANGO_URLS}
DJANGO_ASGI = """
    from django.core.asgi import get_asgi_application

    app = get_asgi_application()
"""
DJANGO_WSGI = """
    from django.core.wsgi import get_wsgi_application

    app = get_wsgi_application()
"""
WSGI_SERVER = """
    import sys
    from wsgiref.simple_server import make_server

    from books import app

    make_server("127.0.0.1", int(sys.argv[1]), app).serve_forever()
"""
CALL = """
    from otel_mesh_telemetry import instrument
    instrument(app)
"""
UVICORN = [str(BIN / "uvicorn"), "books:app", "--port", "{port}"]
WSGI = [sys.executable, "serve.py", "{port}"]
KINDS = {
    "fastapi": ({"books.py": FASTAPI}, UVICORN, "/books/{number}"),
    "starlette": ({"books.py": STARLETTE}, UVICORN, "/books/{number}"),
    "flask": ({"books.py": FLASK, "serve.py": WSGI_SERVER}, WSGI, "/books/<int:number>"),
    "django-asgi": ({**DJANGO, "books.py": DJANGO_ASGI}, UVICORN, "books/<int:number>"),
    "django-wsgi": ({**DJANGO, "books.py": DJANGO_WSGI, "serve.py": WSGI_SERVER}, WSGI, "books/<int:number>"),
}
OLD_NAMES = {"http.method", "http.status_code", "http.target", "http.url", "http.host", "net.host.name", "http.scheme"}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


@pytest.mark.parametrize("way", ["without code", "one call"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_foreign_application_joins_the_trace_of_its_caller(
    kind: str, way: str, receiver: Receiver, tmp_path: Path
) -> None:
    files, command, route = KINDS[kind]
    if way == "one call":
        files = {**files, "books.py": files["books.py"] + CALL}
    else:
        command = [str(BIN / "opentelemetry-instrument"), *command]
    with Application(files, command, receiver, tmp_path, DJANGO_SETTINGS_MODULE="settings") as application:
        application.wait_ready()
        assert application.get("/books/7?token=canary") == 200
        assert application.get("/books/13") == 500
        receiver.wait_for(lambda: len(of_kind(receiver, SERVER)) >= 2)
        receiver.wait_for(lambda: metric(receiver, "http.server.request.duration") is not None)
    good, bad = sorted(of_kind(receiver, SERVER), key=lambda span: span.start_time_unix_nano)
    assert [span.name for _, span in receiver.spans] == [f"GET {route}"] * 2, "one span a request, none for the probe"
    for span in (good, bad):
        assert (span.trace_id.hex(), span.parent_span_id.hex()) == (TRACE, CALLER)
        told = plain(span.attributes)
        assert told["http.request.method"] == "GET"
        assert told["http.route"] == route
        assert told["url.path"].startswith("/books/")
        assert told["otel_mesh.canary.requested"] is True, "what the mesh says is told whoever makes the span"
        assert not OLD_NAMES & told.keys()
    assert plain(good.attributes)["http.response.status_code"] == 200
    assert plain(bad.attributes)["http.response.status_code"] == 500
    assert plain(good.attributes)["url.query"] == "token=REDACTED"
    assert bad.status.code == 2
    duration = metric(receiver, "http.server.request.duration")
    assert duration is not None
    assert duration.unit == "s"
    assert {about["service.name"] for about, _ in receiver.spans} == {"books"}
