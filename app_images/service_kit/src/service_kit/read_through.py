"""Reading rows through a cache: what is asked for often is loaded seldom, and never by many at the same time."""

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
"""Version of an entry's form, a part of its key: programs of two versions share one cache during an update."""
_JITTER = 0.1
Row = TypeVar("Row", bound=BaseModel)


class Entry(BaseModel, Generic[Row]):
    """What is kept of a row.

    Attributes:
        until: when it counts as old, seconds since 1970.
        cost: seconds that loading it took.
        row: None where there is no such row.
    """

    model_config = ConfigDict(hide_input_in_errors=True)

    until: float
    cost: float
    row: Row | None


class ReadThrough(Generic[Row]):
    """One kind of rows, read through a cache.

    - Many that ask for one row at the same time wait for one lookup, and one load if it misses (single flight, per
      process).
    - Entries end at different times (10 % jitter), and one that is popular is loaded anew shortly before its end, by
      one request and beside it (probabilistic early expiration, Vattani et al. 2015), so that its end is no moment at
      which everybody misses.
    - That a row does not exist is kept too, but shortly: who asks for rows that do not exist loads each but once, and
      a row that is made meanwhile is seen after ``absent_ttl``.
    - A cache that does not answer costs what `CacheStore` allows, and then rows are loaded.

    Rows may hold personal data: they are in the cache as they are in the database, and in no span, metric or log.

    Args:
        store: the cache; None to go without one.
        keyspace: first part of the keys, and the cache's name in measurements.
        model: of a row.
        ttl: seconds that a row is kept at most: it may be as old as that.
        absent_ttl: seconds that the absence of a row is kept.
        meter_provider: where lookups are counted; the global one by default.
        clock: seconds since 1970.
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
        """A row; None where there is none.

        Args:
            key: of the row, among those of its kind.
            load: gets it from where it is at home.

        Raises:
            Exception: whatever ``load`` raises, to all who waited for it.
        """
        if self._store is None:
            return await load()
        if key in self._flights:
            self._count("joined")
            flight = self._flights[key]
        else:
            flight = self._begin(self._flights, key, self._find(self._store, key, load))
        # shielded: who leaves must not take the row from the others who wait for it
        return await asyncio.shield(flight)

    async def close(self) -> None:
        """End the loads that are under way."""
        under_way = [*self._flights.values(), *self._refreshes.values()]
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)

    async def _find(self, store: CacheStore, key: str, load: Callable[[], Awaitable[Row | None]]) -> Row | None:
        entry, outcome = await self._lookup(store, key)
        self._count(outcome)
        if entry is None:
            return await self._load(store, key, load)
        if self._grows_old(entry) and key not in self._refreshes:
            self._begin(self._refreshes, key, self._load(store, key, load))
        return entry.row

    def _count(self, outcome: str) -> None:
        self._lookups.add(1, {"cache.name": self._keyspace, "cache.outcome": outcome})
        get_current_span().set_attribute("cache.outcome", outcome)

    async def _lookup(self, store: CacheStore, key: str) -> tuple[Entry[Row] | None, str]:
        try:
            kept = await store.read(self._key(key))
        except CacheUnavailableError:
            return None, "unavailable"
        if kept is None:
            return None, "miss"
        try:
            entry = self._entry.model_validate_json(kept)
        except ValidationError as error:
            _log.warning("cache %s: an entry does not fit: %s", self._keyspace, [one["loc"] for one in error.errors()])
            return None, "miss"
        return entry, "hit" if entry.row is not None else "absent"

    def _key(self, key: str) -> str:
        return f"{self._keyspace}:{_FORMAT}:{key}"

    def _grows_old(self, entry: Entry[Row]) -> bool:
        """Whether this lookup loads the row anew, ever more likely the nearer its end and the longer a load takes."""
        ahead = -entry.cost * math.log(1.0 - random.random())  # noqa: S311 - spreads loads, protects nothing
        return self._clock() + ahead >= entry.until

    async def _load(self, store: CacheStore, key: str, load: Callable[[], Awaitable[Row | None]]) -> Row | None:
        began = perf_counter()
        row = await load()
        cost = perf_counter() - began
        ttl = self._absent_ttl if row is None else self._ttl
        ttl *= 1 - random.uniform(0, _JITTER)  # noqa: S311 - as above
        entry = self._entry(until=self._clock() + ttl, cost=cost, row=row)
        # the row is there all the same, and the store has said what is wrong
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
            # asked for here, because everybody who waited may have left
            if not task.cancelled() and (error := task.exception()) is not None:
                _log.info("cache %s: a row could not be loaded: %s", self._keyspace, type(error).__name__)

        task.add_done_callback(done)
        return task
