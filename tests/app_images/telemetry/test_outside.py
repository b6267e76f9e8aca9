"""Callers who may be anybody: what they send decides neither about sampling nor about anything behind the edge."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from opentelemetry import baggage
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import get_current_span
from starlette.responses import PlainTextResponse

from otel_mesh_telemetry import ConfigError, ServerMiddleware
from otel_mesh_telemetry.ab_testing import ABTesting, Experiment
from otel_mesh_telemetry.grpc_server import ServerInterceptor
from otel_mesh_telemetry.outside import Outside, outside_from
from otel_mesh_telemetry.sampling import MeshSampler, mesh_sampler
from otel_mesh_telemetry.testing import capture
from tests.app_images.telemetry.asgi_calls import call, scope_of

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

TRACE, CALLER = 0x4BF92F3577B34DA6A3CE929D0E0E4736, 0x00F067AA0BA902B7
HOME = Experiment("homepage", {"control": 100, "experiment": 0})


def sent(flags: str = "01") -> list[tuple[str, str]]:
    return [
        ("traceparent", f"00-{TRACE:032x}-{CALLER:016x}-{flags}"),
        ("tracestate", "vendor=theirs"),
        ("baggage", "tier=gold,ab.homepage=experiment"),
        ("x-ab-group", "experiment"),
        ("x-user-id", "42"),
    ]


async def serve(sampler: Any = None, flags: str = "01", **options: Any) -> tuple[list[ReadableSpan], dict[str, Any]]:  # noqa: ANN401
    inside: dict[str, Any] = {}

    async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401
        inside["baggage"] = dict(baggage.get_all())
        inside["variant"] = HOME.variant()
        inside["state"] = dict(get_current_span().get_span_context().trace_state)
        await PlainTextResponse("ok")(scope, receive, send)

    with capture(sampler=sampler) as seen:
        middleware = ServerMiddleware(app, features=[ABTesting(HOME)], **options, **seen.providers)
        await call(middleware, scope_of("/", sent(flags)))
        return seen.spans(), inside


async def test_inside_of_a_mesh_callers_are_continued() -> None:
    (span,), inside = await serve()
    assert span.parent is not None
    assert (span.context.trace_id, span.parent.span_id) == (TRACE, CALLER)
    assert inside == {
        "baggage": {"tier": "gold", "ab.homepage": "experiment"},
        "variant": "experiment",
        "state": {"vendor": "theirs"},
    }


@pytest.mark.parametrize("outside", [Outside.LINK, Outside.RESTART])
async def test_at_the_edge_a_trace_of_our_own_begins(outside: Outside) -> None:
    (span,), inside = await serve(outside=outside)
    assert span.parent is None
    assert span.context.trace_id != TRACE
    links = [(link.context.trace_id, link.context.span_id) for link in span.links]
    assert links == ([(TRACE, CALLER)] if outside is Outside.LINK else [])
    assert inside == {"baggage": {"ab.homepage": "control"}, "variant": "control", "state": {}}


@pytest.mark.parametrize("outside", [Outside.LINK, Outside.RESTART])
async def test_at_the_edge_our_own_sampler_decides(outside: Outside) -> None:
    spans, _ = await serve(mesh_sampler(ingress=True), "00", outside=outside)
    assert len(spans) == 1, "a caller cannot hide from us"
    spans, _ = await serve(MeshSampler(ALWAYS_OFF), "01", outside=outside)
    assert not spans, "nor make us keep its traces"


async def test_the_environment_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    assert outside_from({}) is Outside.CONTINUE
    monkeypatch.setenv("OTEL_MESH_OUTSIDE_CONTEXT", " restart ")
    (span,), _ = await serve()
    assert span.parent is None
    with pytest.raises(
        ConfigError, match="OTEL_MESH_OUTSIDE_CONTEXT='drop': unknown value; set one of continue, link, restart"
    ):
        outside_from({"OTEL_MESH_OUTSIDE_CONTEXT": "drop"})


def test_servers_of_grpc_follow_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_MESH_OUTSIDE_CONTEXT", "link")
    handler = grpc.method_handlers_generic_handler(
        "shop.v1.Users", {"Get": grpc.unary_unary_rpc_method_handler(lambda request, _context: request)}
    )
    with capture() as seen:
        server = grpc.server(ThreadPoolExecutor(1), interceptors=[ServerInterceptor(**seen.providers)])
        server.add_generic_rpc_handlers((handler,))
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            method: Any = channel.unary_unary("/shop.v1.Users/Get")
            assert method(b"x", metadata=tuple(sent())) == b"x"
        server.stop(None).wait()
    (span,) = seen.spans()
    assert span.parent is None
    assert [link.context.span_id for link in span.links] == [CALLER]
