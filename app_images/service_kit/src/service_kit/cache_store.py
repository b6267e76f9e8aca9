"""A service's connections to Redis: a cache that answers at once, or is gone without.

Needs the extra ``redis``.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, TypeVar

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.credentials import CredentialProvider
from redis.exceptions import ConnectionError as BrokenConnectionError
from redis.exceptions import RedisError
from redis.maint_notifications import MaintNotificationsConfig

from otel_mesh_telemetry.redis import TracedRedis

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

    from service_kit.settings import Environment

_log = logging.getLogger(__name__)
T = TypeVar("T")


class CacheUnavailableError(Exception):
    """The cache does not answer, or not in time, or has not done so a moment ago."""


@dataclass(frozen=True, slots=True)
class CacheSettings:
    """Where the cache is and how much of a request's time it may take, in seconds.

    Attributes:
        host: of Redis.
        port: of Redis.
        user: that the service logs in as.
        password_file: with the user's password.
        patience: for one exchange, connecting included.
        rest: after a failure; nobody asks meanwhile, and then one request does.
        pool_size: connections at most.
    """

    host: str
    port: int
    user: str
    password_file: Path
    patience: float = 0.1
    rest: float = 1.0
    pool_size: int = 10

    @classmethod
    def from_environment(cls, environment: Environment) -> CacheSettings | None:
        """Read REDIS_HOST, _PORT, _USER, _PASSWORD_FILE and _TIMEOUT_SECONDS; None where no host is set.

        Raises:
            SettingsError: one is missing or wrong.
        """
        host = environment.text("REDIS_HOST", "")
        if not host:
            return None
        return cls(
            host=host,
            port=int(environment.number("REDIS_PORT", 6379, low=1, high=65535)),
            user=environment.text("REDIS_USER"),
            password_file=environment.secret_file("REDIS_PASSWORD_FILE"),
            patience=environment.number("REDIS_TIMEOUT_SECONDS", 0.1, low=0.005, high=5),
        )


class _PasswordFile(CredentialProvider):
    """Read for each new connection, so that a rotated password is used at once."""

    def __init__(self, settings: CacheSettings) -> None:
        self._settings = settings

    def get_credentials(self) -> tuple[str, str]:
        return self._settings.user, self._settings.password_file.read_text().strip()

    async def get_credentials_async(self) -> tuple[str, str]:
        return self.get_credentials()  # a file of a memory file system


class CacheStore:
    """Redis as a place that may be asked, never waited for.

    Args:
        settings: where and how long.
        keyspaces: first parts of keys that spans may tell.
        tracer_provider: where spans go; the global one by default.
        meter_provider: where measurements go; the global one by default.
    """

    def __init__(
        self,
        settings: CacheSettings,
        *,
        keyspaces: tuple[str, ...],
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
    ) -> None:
        self._settings = settings
        self._pool = BlockingConnectionPool(
            max_connections=settings.pool_size,
            timeout=settings.patience,
            host=settings.host,
            port=settings.port,
            credential_provider=_PasswordFile(settings),
            socket_timeout=settings.patience,
            socket_connect_timeout=settings.patience,
            # once, and only where a pooled connection turns out to be dead: after a timeout the time is over
            retry=Retry(NoBackoff(), 1, supported_errors=(BrokenConnectionError,)),
            maint_notifications_config=MaintNotificationsConfig(enabled=False),
        )
        self._redis = TracedRedis(
            keyspaces=keyspaces,
            tracer_provider=tracer_provider,
            meter_provider=meter_provider,
            connection_pool=self._pool,
        )
        self._untraced = Redis(connection_pool=self._pool)
        self._failing = False
        self._ask_at = 0.0

    async def read(self, key: str) -> bytes | None:
        """What is kept under a key; None where nothing is.

        Raises:
            CacheUnavailableError: nobody knows.
        """
        found = await self._bounded(lambda: self._redis.get(key))
        return found.encode() if isinstance(found, str) else found  # text only where a client decodes: not here

    async def write(self, key: str, value: bytes, seconds: float) -> None:
        """Keep a value under a key for some seconds.

        Raises:
            CacheUnavailableError: it may be kept or not.
        """
        await self._bounded(lambda: self._redis.set(key, value, px=max(1, round(seconds * 1000))))

    async def ping(self) -> None:
        """For readiness; leaves no span.

        Raises:
            CacheUnavailableError: it does not answer.
        """
        await self._bounded(lambda: self._untraced.execute_command("PING"))  # type: ignore[no-untyped-call] # redis-py's own

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()
        await self._pool.aclose()

    async def _bounded(self, exchange: Callable[[], Awaitable[T]]) -> T:
        if self._failing and not self._may_ask():
            raise CacheUnavailableError("has failed a moment ago")
        try:
            async with asyncio.timeout(self._settings.patience):
                answer = await exchange()
        except (RedisError, OSError) as error:  # timeouts are OSErrors
            self._failed(error)
            raise CacheUnavailableError(type(error).__name__) from error
        if self._failing:
            self._failing = False
            _log.info("the cache answers again")
        return answer

    def _may_ask(self) -> bool:
        """Whether the rest is over; who asks first asks for all."""
        now = monotonic()
        if now < self._ask_at:
            return False
        self._ask_at = now + self._settings.rest
        return True

    def _failed(self, error: Exception) -> None:
        self._ask_at = monotonic() + self._settings.rest
        if not self._failing:
            self._failing = True
            reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            _log.warning("the cache does not answer, going on without: %s", reason)
