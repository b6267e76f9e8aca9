"""S2.9: reading through the cache, in process, on a real Redis that is there, gone, silent or holds something else."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel

from otel_mesh_telemetry.testing import Capture, capture
from service_kit.cache_store import CacheSettings, CacheStore
from service_kit.read_through import ReadThrough
from service_kit.settings import Environment, SettingsError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tests.app_images.services.redis_server import RedisServer

HANGING_S = 60
"""After which a test that waits for what never comes is ended."""
PATIENCE = HANGING_S / 2
"""Far more than a service's, so that a busy machine fails no test."""


class Row(BaseModel):
    id: int
    name: str


class Source:
    """Where rows are at home; counts who comes."""

    def __init__(self) -> None:
        self.loads: list[str] = []
        self.slow = 0.0
        self.broken = False
        self.open = asyncio.Event()
        self.open.set()

    async def load(self, key: str) -> Row | None:
        self.loads.append(key)
        await asyncio.sleep(self.slow)
        await self.open.wait()
        if self.broken:
            raise LookupError("canary")
        return None if key == "none" else Row(id=1, name="canary")


class Clock:
    """Seconds since 1970, by hand."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seen() -> Iterator[Capture]:
    with capture() as running:
        yield running


@asynccontextmanager
async def reading(
    redis: RedisServer,
    seen: Capture,
    command_timeout: float = PATIENCE,
    retry_delay: float = 0.5,
    **options: Any,  # noqa: ANN401
) -> AsyncIterator[ReadThrough[Row]]:
    where = CacheSettings(
        "127.0.0.1", redis.port, redis.user, Path(redis.password_file), timeout=command_timeout, retry_delay=retry_delay
    )
    store = CacheStore(where, keyspaces=("users",), **seen.providers)
    cache = ReadThrough(store, keyspace="users", model=Row, meter_provider=seen.meter_provider, **options)
    try:
        yield cache
    finally:
        await cache.close()
        await store.close()


def outcomes(seen: Capture) -> dict[str, float]:
    return seen.counts("shop.cache.lookups", "cache.outcome")


async def test_s2_9_a_row_is_loaded_once_and_then_found(redis: RedisServer, seen: Capture) -> None:
    source = Source()
    async with reading(redis, seen) as cache, reading(redis, seen) as replica:
        for each in (cache, cache, replica):
            assert await each.get("1", lambda: source.load("1")) == Row(id=1, name="canary")
    assert source.loads == ["1"]
    assert outcomes(seen) == {"miss": 1, "hit": 2}
    assert [span.name for span in seen.spans()] == ["GET users", "SET users", "GET users", "GET users"]
    assert "canary" not in str([(span.name, dict(span.attributes or {})) for span in seen.spans()])
    assert 50_000 < int(redis.cli("PTTL", "users:1:1")) <= 60_000


async def test_s2_9_a_hundred_that_miss_at_once_are_one_query(redis: RedisServer, seen: Capture) -> None:
    source = Source()
    source.slow = 0.1
    async with reading(redis, seen) as cache:
        rows = await asyncio.gather(*(cache.get("1", lambda: source.load("1")) for _ in range(100)))
        assert rows == [Row(id=1, name="canary")] * 100
        assert source.loads == ["1"]
        others = (cache.get(str(key), lambda key=key: source.load(str(key))) for key in range(2, 52))  # type: ignore[misc]
        await asyncio.gather(*others)
    assert sorted(source.loads, key=int) == [str(key) for key in range(1, 52)], (
        "other rows are loaded beside each other"
    )
    assert outcomes(seen) == {"miss": 51, "joined": 99}


async def test_s2_9_what_is_not_there_is_kept_too_but_shortly(redis: RedisServer, seen: Capture) -> None:
    source = Source()
    async with reading(redis, seen, absent_ttl=30.0) as cache:
        for _ in range(3):
            assert await cache.get("none", lambda: source.load("none")) is None
    assert source.loads == ["none"]
    assert outcomes(seen) == {"miss": 1, "absent": 2}
    assert 0 < int(redis.cli("PTTL", "users:1:none")) <= 30_000


async def test_s2_9_an_entry_near_its_end_is_served_and_loaded_anew_beside_it(
    redis: RedisServer, seen: Capture
) -> None:
    source, clock = Source(), Clock()
    source.slow = 0.2
    async with reading(redis, seen, clock=clock) as cache:
        await cache.get("1", lambda: source.load("1"))
        await cache.get("1", lambda: source.load("1"))
        assert source.loads == ["1"], "far from its end nobody loads it"
        clock.now += 60
        source.open.clear()
        async with asyncio.timeout(HANGING_S):  # nobody waits for the new one
            for _ in range(20):
                assert await cache.get("1", lambda: source.load("1")) is not None
        source.open.set()
        async with asyncio.timeout(HANGING_S):
            while json.loads(redis.cli("GET", "users:1:1"))["until"] <= clock.now:  # noqa: ASYNC110 - beside the others
                await asyncio.sleep(0.02)
    assert source.loads == ["1", "1"], "one of the twenty loaded it"


async def test_s2_9_without_the_cache_rows_are_loaded_and_waited_for_shortly(redis: RedisServer, seen: Capture) -> None:
    source = Source()
    async with reading(redis, seen) as cache:
        await cache.get("1", lambda: source.load("1"))
        redis.stop()
        for _ in range(20):
            assert await cache.get("1", lambda: source.load("1")) is not None
        assert outcomes(seen) == {"miss": 1, "unavailable": 20}
        redis.start()
        await asyncio.sleep(0.6)  # longer than the retry delay
        await cache.get("1", lambda: source.load("1"))
        await cache.get("1", lambda: source.load("1"))
    assert outcomes(seen) == {"miss": 2, "unavailable": 20, "hit": 1}


async def test_s2_9_a_silent_cache_costs_its_patience_once_and_then_nothing(
    redis: RedisServer, seen: Capture, caplog: pytest.LogCaptureFixture
) -> None:
    source = Source()
    async with reading(redis, seen, command_timeout=5, retry_delay=10 * HANGING_S) as cache:
        await cache.get("1", lambda: source.load("1"))
        redis.stall()
        try:
            async with asyncio.timeout(HANGING_S):  # it never answers
                await cache.get("1", lambda: source.load("1"))
            asked = len(seen.spans())
            for _ in range(10):
                await cache.get("2", lambda: source.load("2"))
            assert len(seen.spans()) == asked, "nobody asks a cache that has just failed"
        finally:
            redis.resume()
    warned = [one for one in caplog.records if (one.name, one.levelname) == ("service_kit.cache_store", "WARNING")]
    told = [record.getMessage() for record in warned]
    assert len(told) == 1
    assert told[0].startswith("the cache is unavailable, continuing without it: ")


async def test_s2_9_an_entry_of_another_form_is_a_miss_and_its_content_is_not_logged(
    redis: RedisServer, seen: Capture, caplog: pytest.LogCaptureFixture
) -> None:
    source = Source()
    async with reading(redis, seen) as cache:
        redis.cli("SET", "users:1:1", '{"until": 9e9, "cost": 0, "row": {"id": "canary", "name": 1}}')
        assert await cache.get("1", lambda: source.load("1")) == Row(id=1, name="canary")
        assert await cache.get("1", lambda: source.load("1")) == Row(id=1, name="canary")
    assert source.loads == ["1"]
    assert "invalid entry" in caplog.text
    assert "canary" not in caplog.text


async def test_s2_9_who_waits_for_a_load_that_fails_gets_its_error_and_nothing_is_kept(
    redis: RedisServer, seen: Capture
) -> None:
    source = Source()
    source.slow, source.broken = 0.05, True
    async with reading(redis, seen) as cache:
        found = await asyncio.gather(
            *(cache.get("1", lambda: source.load("1")) for _ in range(3)), return_exceptions=True
        )
        assert [type(one) for one in found] == [LookupError] * 3
        assert source.loads == ["1"]
        source.broken = False
        assert await cache.get("1", lambda: source.load("1")) is not None


async def test_s2_9_who_leaves_does_not_take_the_row_from_the_others(redis: RedisServer, seen: Capture) -> None:
    source = Source()
    source.slow = 0.2
    async with reading(redis, seen) as cache:
        first = asyncio.create_task(cache.get("1", lambda: source.load("1")))
        await asyncio.sleep(0.1)
        second = asyncio.create_task(cache.get("1", lambda: source.load("1")))
        await asyncio.sleep(0)
        first.cancel()
        assert await second is not None
    assert source.loads == ["1"]


async def test_without_a_store_every_row_is_loaded(seen: Capture) -> None:
    source = Source()
    cache = ReadThrough(None, keyspace="users", model=Row, meter_provider=seen.meter_provider)
    for _ in range(2):
        assert await cache.get("1", lambda: source.load("1")) is not None
    assert source.loads == ["1", "1"]
    await cache.close()


def test_the_cache_s_settings_come_from_the_environment(redis_server: RedisServer) -> None:
    assert CacheSettings.from_environment(Environment({})) is None
    given = redis_server.environment()
    settings = CacheSettings.from_environment(Environment({**given, "REDIS_TIMEOUT_SECONDS": "0.5"}))
    assert settings is not None
    assert (settings.host, settings.port, settings.timeout) == ("127.0.0.1", redis_server.port, 0.5)
    for change, message in (
        ({"REDIS_USER": ""}, "REDIS_USER: not set"),
        ({"REDIS_PASSWORD_FILE": "/nowhere"}, "REDIS_PASSWORD_FILE: /nowhere: No such file"),
        ({"REDIS_TIMEOUT_SECONDS": "60"}, "REDIS_TIMEOUT_SECONDS='60': not a number from 0.005 to 5"),
    ):
        with pytest.raises(SettingsError, match=message):
            CacheSettings.from_environment(Environment({**given, **change}))
