"""The library's Redis client on a real Redis: what its spans tell, and what they never do."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.trace import SpanKind, StatusCode
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError

from otel_mesh_telemetry import deadline
from otel_mesh_telemetry.redis import RedisDeadlineError, TracedRedis
from otel_mesh_telemetry.testing import Capture, capture
from tests.app_images.telemetry.passing_time import Time

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.app_images.services.redis_server import RedisServer


@pytest.fixture
def seen() -> Iterator[Capture]:
    with capture() as running:
        yield running


def client(redis: RedisServer, seen: Capture, **settings: Any) -> TracedRedis:  # noqa: ANN401
    about = {"host": "127.0.0.1", "port": redis.port, "username": redis.user, "password": redis.password}
    return TracedRedis(keyspaces=["users"], **seen.providers, **{**about, **settings})


async def test_s2_9_redis_spans_tell_command_and_keyspace_and_no_key_and_no_value(
    redis: RedisServer, seen: Capture
) -> None:
    async with client(redis, seen) as traced:
        await traced.set("users:canary", "canary", px=60_000)
        assert await traced.get("users:canary") == b"canary"
        await traced.get("canary")
        await traced.get(b"canary:1")
        with pytest.raises(ResponseError):
            await traced.lpush("users:canary", "canary")
    names = [span.name for span in seen.spans()]
    elsewhere = f"GET 127.0.0.1:{redis.port}"
    assert names == ["SET users", "GET users", elsewhere, elsewhere, "LPUSH users"]
    assert "canary" not in str([(span.name, dict(span.attributes or {})) for span in seen.spans()])
    first, last = seen.spans()[0], seen.spans()[-1]
    assert first.kind is SpanKind.CLIENT
    assert dict(first.attributes or {}) == {
        "db.system.name": "redis",
        "db.namespace": "0",
        "db.operation.name": "SET",
        "db.query.summary": "SET users",
        "server.address": "127.0.0.1",
        "server.port": redis.port,
    }
    assert last.status.status_code is StatusCode.ERROR
    attributes = dict(last.attributes or {})
    assert attributes["error.type"] == attributes["db.response.status_code"] == "WRONGTYPE"
    assert seen.counts("db.client.operation.duration", "db.operation.name") == {"SET": 1, "GET": 3, "LPUSH": 1}


async def test_s2_9_a_pipeline_is_one_span_that_tells_what_its_commands_have_in_common(
    redis: RedisServer, seen: Capture
) -> None:
    async with client(redis, seen) as traced:
        async with traced.pipeline() as pipeline:
            pipeline.set("users:1", "canary")
            pipeline.set("users:2", "canary")
            await pipeline.execute()
        async with traced.pipeline(transaction=False) as pipeline:
            pipeline.get("users:1")
            pipeline.delete("other:2")
            await pipeline.execute()
            assert await pipeline.execute() == []
    first, second = seen.spans()
    assert first.name == "MULTI SET users"
    assert (first.attributes or {})["db.operation.batch.size"] == 2
    assert second.name == f"PIPELINE 127.0.0.1:{redis.port}"
    assert "canary" not in str([dict(span.attributes or {}) for span in seen.spans()])


async def test_s2_9_a_server_that_is_gone_is_an_error_of_its_span(redis: RedisServer, seen: Capture) -> None:
    async with client(redis, seen, port=1) as traced:
        with pytest.raises(RedisConnectionError):
            await traced.get("users:1")
    (span,) = seen.spans()
    assert (span.status.status_code, (span.attributes or {})["error.type"]) == (StatusCode.ERROR, "ConnectionError")


async def test_s2_9_a_command_that_was_given_up_leaves_no_answer_for_the_next(
    redis: RedisServer, seen: Capture
) -> None:
    async with client(redis, seen, max_connections=1) as traced:
        await traced.set("users:1", "one")
        await traced.set("users:2", "two")
        redis.stall()
        try:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await traced.get("users:1")
        finally:
            redis.resume()
        assert await traced.get("users:2") == b"two"


async def test_s2_9_a_wrong_password_is_in_no_span_and_no_message(redis: RedisServer, seen: Capture) -> None:
    async with client(redis, seen, password="another-canary") as traced:  # noqa: S106 - a test's
        with pytest.raises(RedisError) as raised:
            await traced.get("users:1")
    (span,) = seen.spans()
    assert "canary" not in str(raised.value) + str(dict(span.attributes or {}))


async def test_a_client_of_one_connection_leaves_the_same_spans(redis: RedisServer, seen: Capture) -> None:
    async with client(redis, seen) as traced:
        single = traced.client()
        await single.set("users:1", "canary")
        await single.aclose()
    assert [span.name for span in seen.spans()] == ["SET users"]
    assert seen.counts("db.client.operation.duration", "db.query.summary") == {"SET users": 1}


async def test_s1_12_a_command_is_held_to_the_deadline(
    redis: RedisServer, seen: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    passing = Time(monkeypatch)
    async with client(redis, seen) as traced:
        with deadline.within(600):
            asking = asyncio.ensure_future(traced.blpop(["users:none"], timeout=6000))
            await asyncio.sleep(0.2)  # the server has it, or a busy machine is still connecting
            passing.advance(600)
            with pytest.raises(RedisDeadlineError, match="redis: no response within the deadline") as raised:
                await asking
        assert isinstance(raised.value, RedisError)
        with deadline.within(0):
            with pytest.raises(RedisDeadlineError, match="redis: deadline exceeded before the call"):
                await traced.get("users:1")
            async with traced.pipeline() as pipeline:
                pipeline.get("users:1")
                with pytest.raises(RedisDeadlineError):
                    await pipeline.execute()
        assert await traced.get("users:1") is None, "the connection that was waited on is not used again"
    *late, last = seen.spans()
    assert {(span.attributes or {})["error.type"] for span in late} == {"DeadlineExceededError"}
    assert last.status.status_code is StatusCode.UNSET


async def test_a_command_that_is_cancelled_has_failed(redis: RedisServer, seen: Capture) -> None:
    async with client(redis, seen) as traced:
        asking = asyncio.ensure_future(traced.blpop(["users:none"], timeout=600))
        await asyncio.sleep(0.1)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
    (span,) = seen.spans()
    assert span.status.status_code is StatusCode.ERROR
    assert (span.attributes or {})["error.type"] == "CancelledError"
