"""A read-through cache for database rows, with protection against cache stampedes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import random
from time import perf_counter, time
from typing import TYPE_CHECKING, Generic, TypeVar

from opentelemetry.metrics import get_meter_provider
from opentelemetry.trace import get_current_span
from pydantic import BaseModel, ConfigDict, ValidationError

from service_kit.cache_store import CacheStore, CacheUnavailableError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from opentelemetry.metrics import MeterProvider

_log = logging.getLogger(__name__)
_FORMAT = 1
"""Version of the entry format, a part of the key, because two versions share the cache during a rolling update."""
_JITTER = 0.1
Row = TypeVar("Row", bound=BaseModel)


class Entry(BaseModel, Generic[Row]):
    """A cache entry.

    Attributes:
        until: Expiry in seconds since 1970.
        cost: Duration of loading the row, in seconds.
        row: Cached row; None if the row does not exist.
    """

    model_config = ConfigDict(hide_input_in_errors=True)

    until: float
    cost: float
    row: Row | None


class ReadThrough(Generic[Row]):
    """A read-through cache for one type of row.

    - Concurrent requests for a row share one lookup and, on a miss, one load (single flight, per process).
    - Expiry times have 10 % jitter, and popular entries are refreshed in the background by a single request shortly
      before they expire (probabilistic early expiration, Vattani et al. 2015), so that an expiry does not cause
      concurrent misses.
    - The absence of a row is cached too, for the shorter ``absent_ttl``: requests for missing rows do not reach the
      database each time, and a new row becomes visible after at most that time.
    - If the cache is unavailable, rows are loaded after at most the timeout of `CacheStore`.

    Rows may contain personal data: they are stored in the cache, but never recorded in spans, metrics or logs.

    Args:
        store: Cache; None for no cache.
        keyspace: Prefix of the keys, and name of the cache in metrics.
        model: Model of the rows.
        ttl: Maximum age of a row in seconds.
        absent_ttl: Maximum age of a cached absence in seconds.
        meter_provider: Provider of the meters; the global one by default.
        clock: Clock in seconds since 1970.
    """

    def __init__(  # noqa: PLR0913 - settings, by name
        self,
        store: CacheStore | None,
        *,
        keyspace: str,
        model: type[Row],
        ttl: float = 60.0,
        absent_ttl: float = 5.0,
        meter_provider: MeterProvider | None = None,
        clock: Callable[[], float] = time,
    ) -> None:
        self._store = store
        self._keyspace = keyspace
        self._entry: type[Entry[Row]] = Entry[model]  # type: ignore[valid-type]
        self._ttl = ttl
        self._absent_ttl = absent_ttl
        self._clock = clock
        self._flights: dict[str, asyncio.Task[Row | None]] = {}
        self._refreshes: dict[str, asyncio.Task[Row | None]] = {}
        self._lookups = (
            (meter_provider or get_meter_provider())
            .get_meter(__name__)
            .create_counter("shop.cache.lookups", unit="{lookup}", description="Lookups in a cache, by outcome.")
        )

    async def get(self, key: str, load: Callable[[], Awaitable[Row | None]]) -> Row | None:
        """A row; None if it does not exist.

        Args:
            key: Key of the row, unique for its type.
            load: Function that loads the row from the database.

        Raises:
            Exception: Any exception of ``load``, raised for all requests that share it.
        """
        if self._store is None:
            return await load()
        if key in self._flights:
            self._count("joined")
            flight = self._flights[key]
        else:
            flight = self._begin(self._flights, key, self._find(self._store, key, load))
        # shielded, so that a cancelled request does not cancel the load for the others
        return await asyncio.shield(flight)

    async def close(self) -> None:
        """Cancel all running loads."""
        tasks = [*self._flights.values(), *self._refreshes.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _find(self, store: CacheStore, key: str, load: Callable[[], Awaitable[Row | None]]) -> Row | None:
        entry, outcome = await self._lookup(store, key)
        self._count(outcome)
        if entry is None:
            return await self._load(store, key, load)
        if self._should_refresh(entry) and key not in self._refreshes:
            self._begin(self._refreshes, key, self._load(store, key, load))
        return entry.row

    def _count(self, outcome: str) -> None:
        self._lookups.add(1, {"cache.name": self._keyspace, "cache.outcome": outcome})
        get_current_span().set_attribute("cache.outcome", outcome)

    async def _lookup(self, store: CacheStore, key: str) -> tuple[Entry[Row] | None, str]:
        try:
            cached = await store.read(self._key(key))
        except CacheUnavailableError:
            return None, "unavailable"
        if cached is None:
            return None, "miss"
        try:
            entry = self._entry.model_validate_json(cached)
        except ValidationError as error:
            _log.warning("cache %s: invalid entry: %s", self._keyspace, [one["loc"] for one in error.errors()])
            return None, "miss"
        return entry, "hit" if entry.row is not None else "absent"

    def _key(self, key: str) -> str:
        return f"{self._keyspace}:{_FORMAT}:{key}"

    def _should_refresh(self, entry: Entry[Row]) -> bool:
        """True if this lookup refreshes the entry: more likely near its expiry and for slow loads."""
        ahead = -entry.cost * math.log(1.0 - random.random())  # noqa: S311 - jitter, not cryptography
        return self._clock() + ahead >= entry.until

    async def _load(self, store: CacheStore, key: str, load: Callable[[], Awaitable[Row | None]]) -> Row | None:
        began = perf_counter()
        row = await load()
        cost = perf_counter() - began
        ttl = self._absent_ttl if row is None else self._ttl
        ttl *= 1 - random.uniform(0, _JITTER)  # noqa: S311 - as above
        entry = self._entry(until=self._clock() + ttl, cost=cost, row=row)
        # the row has been loaded anyway, and the store has logged the failure
        with contextlib.suppress(CacheUnavailableError):
            await store.write(self._key(key), entry.model_dump_json().encode(), ttl)
        return row

    def _begin(
        self,
        tasks: dict[str, asyncio.Task[Row | None]],
        key: str,
        work: Coroutine[None, None, Row | None],
    ) -> asyncio.Task[Row | None]:
        task = tasks[key] = asyncio.create_task(work)

        def done(_task: asyncio.Task[Row | None]) -> None:
            del tasks[key]
            # retrieved here because all waiting requests may have been cancelled
            if not task.cancelled() and (error := task.exception()) is not None:
                _log.info("cache %s: loading a row failed: %s", self._keyspace, type(error).__name__)

        task.add_done_callback(done)
        return task
