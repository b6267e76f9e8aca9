"""A service's connections to Redis: a cache with a short timeout and a circuit breaker.

Requires the extra ``redis``.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar

from redis.asyncio import BlockingConnectionPool, Redis, SSLConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.credentials import CredentialProvider
from redis.exceptions import ConnectionError as BrokenConnectionError
from redis.exceptions import RedisError
from redis.maint_notifications import MaintNotificationsConfig

from otel_mesh_telemetry.redis import TracedRedis
from service_kit.settings import content
from service_kit.store_tls import StoreTls

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

    from service_kit.settings import Environment

_log = logging.getLogger(__name__)
T = TypeVar("T")


class CacheUnavailableError(Exception):
    """The cache is unreachable or too slow, or its circuit breaker is open after a recent failure."""


@dataclass(frozen=True, slots=True)
class CacheSettings:
    """Address, credentials and timeouts of the cache.

    Attributes:
        host: Host name of Redis.
        port: Port of Redis.
        user: Redis user of the service, or the file with its name.
        password_file: File with the user's password.
        timeout: Timeout of a command in seconds, including the connection attempt.
        retry_delay: Seconds for which the circuit breaker stays open after a failure; then one request tries the cache.
        pool_size: Maximum number of connections.
        tls: TLS of the connections; None if a mesh encrypts them.
    """

    host: str
    port: int
    user: str | Path
    password_file: Path
    timeout: float = 0.1
    retry_delay: float = 1.0
    pool_size: int = 10
    tls: StoreTls | None = None

    @classmethod
    def from_environment(cls, environment: Environment) -> CacheSettings | None:
        """The settings from REDIS_HOST and the other variables; None if no host is set.

        They are REDIS_PORT, _USER (or _USER_FILE), _PASSWORD_FILE, _TIMEOUT_SECONDS and those of `StoreTls`.

        Raises:
            SettingsError: A variable is missing or invalid.
        """
        host = environment.text("REDIS_HOST", "")
        if not host:
            return None
        return cls(
            host=host,
            port=int(environment.number("REDIS_PORT", 6379, low=1, high=65535)),
            user=environment.text_or_file("REDIS_USER"),
            password_file=environment.secret_file("REDIS_PASSWORD_FILE"),
            timeout=environment.number("REDIS_TIMEOUT_SECONDS", 0.1, low=0.005, high=5),
            tls=StoreTls.from_environment(environment, "REDIS"),
        )


class _PasswordFile(CredentialProvider):
    """Credentials that are read for each new connection, so that a rotated password takes effect at once."""

    def __init__(self, settings: CacheSettings) -> None:
        self._settings = settings

    def get_credentials(self) -> tuple[str, str]:
        return content(self._settings.user), content(self._settings.password_file)

    async def get_credentials_async(self) -> tuple[str, str]:
        return self.get_credentials()  # Kubernetes mounts Secrets from memory, so reading does not block


def _encryption(tls: StoreTls | None) -> dict[str, Any]:
    if tls is None or tls.mode == "disable":
        return {}
    return {"connection_class": SSLConnection, **tls.redis()}


class CacheStore:
    """A key-value store in Redis whose failures never delay a request for long.

    Args:
        settings: Address, credentials and timeouts.
        keyspaces: Prefixes of keys that spans may record.
        tracer_provider: Provider of the tracers; the global one by default.
        meter_provider: Provider of the meters; the global one by default.
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
            timeout=settings.timeout,
            host=settings.host,
            port=settings.port,
            credential_provider=_PasswordFile(settings),
            socket_timeout=settings.timeout,
            socket_connect_timeout=settings.timeout,
            # one retry, only for a broken pooled connection: after a timeout no time is left
            retry=Retry(NoBackoff(), 1, supported_errors=(BrokenConnectionError,)),
            maint_notifications_config=MaintNotificationsConfig(enabled=False),
            **_encryption(settings.tls),
        )
        self._redis = TracedRedis(
            keyspaces=keyspaces,
            tracer_provider=tracer_provider,
            meter_provider=meter_provider,
            connection_pool=self._pool,
        )
        self._untraced = Redis(connection_pool=self._pool)
        self._failing = False
        self._next_attempt_at = 0.0

    async def read(self, key: str) -> bytes | None:
        """The value of a key; None if the key does not exist.

        Raises:
            CacheUnavailableError: The cache is unavailable.
        """
        found = await self._bounded(lambda: self._redis.get(key))
        # str only if the client decodes responses, which this one does not
        return found.encode() if isinstance(found, str) else found

    async def write(self, key: str, value: bytes, seconds: float) -> None:
        """Set the value of a key, with an expiry in seconds.

        Raises:
            CacheUnavailableError: The cache is unavailable; the value may or may not have been stored.
        """
        await self._bounded(lambda: self._redis.set(key, value, px=max(1, round(seconds * 1000))))

    async def ping(self) -> None:
        """Check the connection, without a span; for readiness.

        Raises:
            CacheUnavailableError: The cache is unavailable.
        """
        await self._bounded(lambda: self._untraced.execute_command("PING"))  # type: ignore[no-untyped-call] # redis-py's own

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()
        await self._pool.aclose()

    async def _bounded(self, exchange: Callable[[], Awaitable[T]]) -> T:
        if self._failing and not self._may_attempt():
            raise CacheUnavailableError("not called: it failed a moment ago")
        try:
            async with asyncio.timeout(self._settings.timeout):
                response = await exchange()
        except (RedisError, OSError) as error:  # timeouts are OSErrors
            self._failed(error)
            raise CacheUnavailableError(type(error).__name__) from error
        if self._failing:
            self._failing = False
            _log.info("the cache is available again")
        return response

    def _may_attempt(self) -> bool:
        """True if the circuit breaker lets one request try the cache."""
        now = monotonic()
        if now < self._next_attempt_at:
            return False
        self._next_attempt_at = now + self._settings.retry_delay
        return True

    def _failed(self, error: Exception) -> None:
        self._next_attempt_at = monotonic() + self._settings.retry_delay
        if not self._failing:
            self._failing = True
            reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            _log.warning("the cache is unavailable, continuing without it: %s", reason)
