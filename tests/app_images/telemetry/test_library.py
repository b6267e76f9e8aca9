"""The library as a library: what it exports, what importing it costs, how little it can be made to measure."""

from __future__ import annotations

import importlib
import importlib.resources
import pkgutil
import subprocess
import sys
import textwrap
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

import otel_mesh_telemetry
from otel_mesh_telemetry import ServerMiddleware, testing
from otel_mesh_telemetry.ab_testing import ABTesting, Experiment
from otel_mesh_telemetry.http_client import mesh_client
from otel_mesh_telemetry.server_features import features_from
from otel_mesh_telemetry.testing import capture
from tests.app_images.telemetry.asgi_calls import call, scope_of

MODULES = """
    ab_testing applications asgi asgi_applications bounded config console contexts database_calls
    deadline deadlined distro environment exceptions exchange exporters faults features grpc_aio_client
    grpc_aio_server grpc_channel grpc_client grpc_handlers grpc_server handle header_capture headers http_client
    http_metrics http_server instrumentation libraries logs outcome outside peer postgres profiles propagation
    propagation.b3 propagation.baggage_headers propagation.carrier propagation.grpc_trace_bin propagation.linkerd
    propagation.mesh propagation.tracecontext providers redact redis resource retries routes routing rpc sampling
    server_features sql steady testing watched_stream websocket wsgi_hooks xfcc
""".split()  # noqa: SIM905 - names, one after another


def test_public_names() -> None:
    public = otel_mesh_telemetry.__all__
    assert public == sorted(set(public)), "tests/components/golden/api-otel_mesh_telemetry.txt holds them"
    assert all(getattr(otel_mesh_telemetry, name).__module__.startswith("otel_mesh_telemetry.") for name in public)
    assert not hasattr(otel_mesh_telemetry, "Instrument")
    assert testing.__all__ == ["START", "Capture", "Clock", "CountingIds", "capture"]
    prefix = "otel_mesh_telemetry."
    found = pkgutil.walk_packages(otel_mesh_telemetry.__path__, prefix)
    assert sorted(module.name.removeprefix(prefix) for module in found) == MODULES


@pytest.mark.parametrize("module", MODULES)
def test_every_module_can_be_imported_alone(module: str) -> None:
    assert importlib.import_module(f"otel_mesh_telemetry.{module}").__doc__


def test_the_library_is_typed() -> None:
    files = importlib.resources.files("otel_mesh_telemetry")
    assert (files / "py.typed").is_file()


def python(program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout


def test_importing_loads_little_beyond_the_sdk_and_no_transport() -> None:
    program = """
        import sys
        import opentelemetry.sdk.trace.export, opentelemetry.sdk.metrics.export, opentelemetry.sdk._logs.export
        before = set(sys.modules)
        import otel_mesh_telemetry
        print(len(set(sys.modules) - before))
        heavy = {"grpc", "httpx", "psycopg", "google.protobuf", "pulumi", "pydantic", "requests", "starlette", "wrapt"}
        print(sorted(heavy & set(sys.modules)))
    """
    modules, loaded = python(program).splitlines()
    assert int(modules) < 60, "some 25 of its own and 10 others: a twentieth of a second"
    assert loaded == "[]"


async def test_s2_10_ten_thousand_paths_and_header_values_add_no_series() -> None:
    async def user(request: Any) -> PlainTextResponse:  # noqa: ANN401
        return PlainTextResponse(request.path_params["id"])

    features = [*features_from({"OTEL_MESH_PEER_IDENTITY": "xfcc-last"}), ABTesting(Experiment("homepage"))]
    with capture() as seen:
        app = ServerMiddleware(Starlette(routes=[Route("/users/{id}", user)]), features=features, **seen.providers)
        client = mesh_client("http://users", peer="users", transport=httpx.ASGITransport(app), **seen.providers)
        async with client:
            for n in range(10_000):
                value = f"v{n}"
                names = ("host", "user-agent", "x-request-id", "x-canary", "x-trace-version", "x-ab-group", "x-user-id")
                more = ("x-forwarded-client-cert", "x-fault-injected", "traceparent", "x-forwarded-proto")
                headers = [(name, value) for name in (*names, *more)] + [("baggage", f"k{n}={n}")]
                await call(app, scope_of(f"/users/{n}", headers))
                await call(app, scope_of(f"/unknown/{n}", headers, method=f"M{n}", http_version=f"{n}"))
                if n % 10 == 0:
                    await client.get(
                        f"/users/{n}", headers=dict(headers[1:]), extensions={"url_template": "/users/{id}"}
                    )
        sides = ("server.request.duration", "server.active_requests", "client.request.duration")
        series = [dict(point.attributes or {}) for side in sides for point in seen.points(f"http.{side}")]
        names_of_spans = {span.name for span in seen.spans()}
    assert len(series) == 5, series
    assert names_of_spans == {"GET /users/{id}", "HTTP"}


async def test_the_example_of_the_test_helpers_works_as_it_stands() -> None:
    lines = (testing.__doc__ or "").split("::\n", 1)[1].split("\nIDs count")[0]
    namespace: dict[str, Any] = {"httpx": httpx, "make_app": _make_app}
    exec(textwrap.dedent(lines), namespace)  # noqa: S102 - our own documentation
    await namespace["test_a_request_leaves_one_span"]()


def _make_app() -> Starlette:
    async def user(_request: Any) -> PlainTextResponse:  # noqa: ANN401
        return PlainTextResponse("ok")

    return Starlette(routes=[Route("/users/{id}", user)])


def test_ids_and_time_of_a_capture_are_the_tests_own() -> None:
    with capture() as seen:
        tracer = seen.tracer_provider.get_tracer("t")
        with tracer.start_as_current_span("outer"):
            seen.clock.advance(1.5)
            with tracer.start_as_current_span("inner"):
                seen.clock.advance(0.25)
    inner, outer = seen.spans()
    assert outer.context is not None
    assert inner.context is not None
    assert (outer.context.trace_id, outer.context.span_id, inner.context.span_id) == (1, 1, 2)
    assert (outer.start_time, outer.end_time) == (testing.START, testing.START + 1_750_000_000)
    assert seen.tree() == ["outer", "  inner"]
    with pytest.raises(LookupError, match=r"0 spans named 'x' among \['inner', 'outer'\]"):
        seen.span("x")
