"""The shop's users: rows in PostgreSQL behind a read-through cache."""

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
_DATABASE_TIMEOUT_S = 1.0
"""Timeout of the database check in seconds; shorter than the probe's, so that the cache can be checked too."""


class User(BaseModel):
    """A user in the format of the API."""

    id: int
    name: str
    email: str


class Users:
    """Users by ID.

    Args:
        database: Database with the users.
        store: Cache; None for no cache.
        telemetry: Providers of tracers and meters.
    """

    def __init__(self, database: Database, store: CacheStore | None, telemetry: Providers) -> None:
        self._database = database
        self._store = store
        self._cache = ReadThrough(store, keyspace=_KEYSPACE, model=User, meter_provider=telemetry.meter_provider)

    @classmethod
    def from_environment(cls, environment: Environment, telemetry: Providers) -> Users:
        """Users configured by the variables of `DatabaseSettings` and, if there is a cache, of `CacheSettings`.

        Raises:
            SettingsError: A variable is missing or invalid.
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
        """The user with an ID, at most a minute old; None if the user does not exist.

        Raises:
            UnavailableError: The user is not in the cache and the database is unavailable.
        """
        return await self._cache.get(str(user_id), lambda: self._load(user_id))

    async def _load(self, user_id: int) -> User | None:
        row = await self._database.fetch_one("SELECT id, name, email FROM users WHERE id = %s", [user_id])
        return None if row is None else User(id=row[0], name=row[1], email=row[2])

    async def check(self) -> None:
        """Check readiness: the service needs the database or the cache.

        A pod that can serve some requests from the cache stays in service, as otherwise all requests would fail. If the
        database is available but lacks migrations of this version, the pod is not ready.

        Raises:
            UnavailableError: Both the database and the cache are unavailable.
            MigrationError: The schema lacks migrations of this version.
        """
        try:
            async with asyncio.timeout(_DATABASE_TIMEOUT_S):
                await self._database.check()
        except (UnavailableError, TimeoutError) as error:
            if self._store is None:
                raise
            try:
                await self._store.ping()
            except CacheUnavailableError as also:
                raise UnavailableError(f"the database: {error or 'no response in time'}; the cache: {also}") from error

    @contextlib.asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Open the connections, and close them at the end of the block."""
        await self._database.open()
        try:
            yield
        finally:
            await self._cache.close()
            if self._store is not None:
                await self._store.close()
            await self._database.close()
