"""The shop's users: rows of PostgreSQL, read through a cache."""

from __future__ import annotations

import asyncio
import contextlib
from importlib.resources import files
from typing import TYPE_CHECKING

from pydantic import BaseModel

from service_kit.cache_store import CacheSettings, CacheStore, CacheUnavailableError
from service_kit.database import Database, DatabaseSettings, UnavailableError
from service_kit.read_through import ReadThrough

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from otel_mesh_telemetry.providers import Providers
    from service_kit.settings import Environment

_KEYSPACE = "users"
_DATABASE_PATIENCE_S = 1.0
"""For readiness: less than a probe waits, so that the cache can be asked too."""


class User(BaseModel):
    """A user as the interface shows them."""

    id: int
    name: str
    email: str


class Users:
    """Users by id.

    Args:
        database: where they are at home.
        store: the cache; None to go without one.
        telemetry: where measurements go.
    """

    def __init__(self, database: Database, store: CacheStore | None, telemetry: Providers) -> None:
        self._database = database
        self._store = store
        self._cache = ReadThrough(store, keyspace=_KEYSPACE, model=User, meter_provider=telemetry.meter_provider)

    @classmethod
    def from_environment(cls, environment: Environment, telemetry: Providers) -> Users:
        """Read the variables of `DatabaseSettings` and, where there is a cache, of `CacheSettings`.

        Raises:
            SettingsError: one is missing or wrong.
        """
        database = Database(
            DatabaseSettings.from_environment(environment),
            service="user-service",
            migrations=files("user_service") / "migrations",
            tracer_provider=telemetry.tracer_provider,
            meter_provider=telemetry.meter_provider,
        )
        settings = CacheSettings.from_environment(environment)
        store = None
        if settings is not None:
            store = CacheStore(
                settings,
                keyspaces=(_KEYSPACE,),
                tracer_provider=telemetry.tracer_provider,
                meter_provider=telemetry.meter_provider,
            )
        return cls(database, store, telemetry)

    async def get(self, user_id: int) -> User | None:
        """The user of an id, as they were a minute ago at most; None where there is none.

        Raises:
            UnavailableError: neither cache nor database knows now.
        """
        return await self._cache.get(str(user_id), lambda: self._load(user_id))

    async def _load(self, user_id: int) -> User | None:
        row = await self._database.fetch_one("SELECT id, name, email FROM users WHERE id = %s", [user_id])
        return None if row is None else User(id=row[0], name=row[1], email=row[2])

    async def check(self) -> None:
        """For readiness: without the cache the service works as well, without the database the cache still answers.

        To take a pod out of service that can answer some would let all requests fail. One whose database answers, but
        lacks what this version needs, is not ready whatever the cache holds.

        Raises:
            UnavailableError: neither of them answers.
            MigrationError: the schema is not what this version needs.
        """
        try:
            async with asyncio.timeout(_DATABASE_PATIENCE_S):
                await self._database.check()
        except (UnavailableError, TimeoutError) as error:
            if self._store is None:
                raise
            try:
                await self._store.ping()
            except CacheUnavailableError as also:
                raise UnavailableError(
                    f"the database: {error or 'no response within the deadline'}; the cache: {also}"
                ) from error

    @contextlib.asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Hold the connections while the service runs."""
        await self._database.open()
        try:
            yield
        finally:
            await self._cache.close()
            if self._store is not None:
                await self._store.close()
            await self._database.close()
