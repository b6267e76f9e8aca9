"""Spans and durations for redis-py's asyncio client.

redis-py has its own metrics since 7.2, but no spans; they stay off so that calls are not counted twice. A span records
the command and, of the key, only a first part that the program has declared: keys may contain user input. Values are
never recorded. Requires ``redis``.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from time import perf_counter
from typing import TYPE_CHECKING, Any

from opentelemetry import trace
from opentelemetry.metrics import get_meter_provider
from opentelemetry.trace import SpanKind
from redis import asyncio as aioredis
from redis.asyncio.client import Pipeline
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from otel_mesh_telemetry import outcome
from otel_mesh_telemetry.bounded import bounded
from otel_mesh_telemetry.database_calls import duration_histogram
from otel_mesh_telemetry.deadline import DeadlineExceededError
from otel_mesh_telemetry.instrumentation import tracer_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

_SCOPE = "otel_mesh_telemetry.redis"
_COMMAND = re.compile(r"[A-Z][A-Z0-9._]{0,31}( [A-Z-]{1,31})?").fullmatch
_ERROR_CODE = re.compile(r"[A-Z]{2,32}(?= )")


class RedisDeadlineError(DeadlineExceededError, RedisTimeoutError):
    """The command exceeded the deadline of the request; also a redis-py timeout, which callers handle already."""


class TracedRedis(aioredis.Redis):
    """A client with a span ``{command} {keyspace}`` per command, and one span per pipeline.

    Args:
        keyspaces: Prefixes of keys, up to the first colon, that may be recorded. Spans of other keys are named after
            the server's address.
        tracer_provider: Provider of the tracers; the global one by default.
        meter_provider: Provider of the meters; the global one by default.
        settings: Arguments of `redis.asyncio.Redis`.
    """

    def __init__(
        self,
        *,
        keyspaces: Collection[str] = (),
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        **settings: Any,  # noqa: ANN401 - redis-py's forty parameters
    ) -> None:
        super().__init__(**settings)
        self._tracing: dict[str, Any] = {
            "keyspaces": keyspaces,
            "tracer_provider": tracer_provider,
            "meter_provider": meter_provider,
        }
        self._recorder = _Recorder(self.connection_pool, keyspaces, tracer_provider, meter_provider)

    def client(self) -> TracedRedis:
        """A traced client that uses a single connection of the same pool."""
        return TracedRedis(connection_pool=self.connection_pool, single_connection_client=True, **self._tracing)

    async def execute_command(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - redis-py's own types
        """Send one command.

        Raises:
            redis.exceptions.RedisError: The command failed.
            RedisDeadlineError: The deadline passed before the command or while waiting for the response.
        """
        with self._recorder.call([args], ""):
            async with bounded("redis", RedisDeadlineError):
                return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Pipeline:  # noqa: FBT001, FBT002 - redis-py's signature
        """A traced pipeline of commands; a transaction by default."""
        pipeline = _TracedPipeline(self.connection_pool, self.response_callbacks, transaction, shard_hint)
        pipeline.recorder = self._recorder
        return pipeline


class _TracedPipeline(Pipeline):
    recorder: _Recorder

    async def execute(self, raise_on_error: bool = True) -> list[Any]:  # noqa: FBT001, FBT002 - redis-py's signature
        commands = [tuple(args) for args, _ in self.command_stack]
        if not commands:
            return await super().execute(raise_on_error)
        batch = "MULTI" if self.is_transaction or self.explicit_transaction else "PIPELINE"
        with self.recorder.call(commands, batch):
            async with bounded("redis", RedisDeadlineError):
                return await super().execute(raise_on_error)


class _Recorder:
    def __init__(
        self,
        pool: aioredis.ConnectionPool,
        keyspaces: Collection[str],
        tracer_provider: TracerProvider | None,
        meter_provider: MeterProvider | None,
    ) -> None:
        self._tracer = tracer_of(tracer_provider or trace.get_tracer_provider(), _SCOPE)
        self._duration = duration_histogram(meter_provider or get_meter_provider(), _SCOPE)
        self._keyspaces = frozenset(keyspaces)
        about = pool.connection_kwargs
        self._peer: dict[str, str | int] = {"db.system.name": "redis", "db.namespace": str(about.get("db", 0))}
        if "host" in about:
            self._peer |= {"server.address": about["host"], "server.port": about.get("port", 6379)}
        elif "path" in about:
            self._peer["server.address"] = about["path"]

    @contextmanager
    def call(self, commands: Sequence[tuple[Any, ...]], batch: str) -> Iterator[None]:
        """Record a request to the server: a command, or the commands of a pipeline."""
        operation = _operation([args[0] for args in commands], batch)
        keyspaces = {self._keyspace(args) for args in commands}
        keyspace = keyspaces.pop() if len(keyspaces) == 1 else ""
        attributes: dict[str, str | int] = {**self._peer, "db.operation.name": operation}
        attributes["db.query.summary"] = f"{operation} {keyspace}".strip()
        batched = {"db.operation.batch.size": len(commands)} if batch and len(commands) > 1 else {}
        with self._tracer.start_as_current_span(
            f"{operation} {keyspace or self._address()}".strip(),
            kind=SpanKind.CLIENT,
            attributes={**attributes, **batched},
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            began = perf_counter()
            try:
                yield
            except BaseException as exception:
                code = _ERROR_CODE.match(str(exception)) if isinstance(exception, ResponseError) else None
                outcome.note(exception, span, attributes, code[0] if code else None)
                raise
            finally:
                self._duration.record(perf_counter() - began, attributes)

    def _address(self) -> str:
        address, port = self._peer.get("server.address", ""), self._peer.get("server.port")
        return f"{address}:{port}" if port else str(address)

    def _keyspace(self, args: tuple[Any, ...]) -> str:
        key = args[1] if len(args) > 1 else ""
        if isinstance(key, bytes):
            key = key.decode("utf-8", "replace")
        first, colon, _ = key.partition(":") if isinstance(key, str) else ("", "", "")
        return first if colon and first in self._keyspaces else ""


def _operation(names: Sequence[Any], batch: str) -> str:
    """``db.operation.name`` by the conventions for Redis: the command, or the batch with its common command."""
    commands = {upper if _COMMAND(upper) else "_OTHER" for upper in (str(name).upper() for name in names)}
    if not batch:
        return commands.pop()
    return f"{batch} {commands.pop()}" if len(commands) == 1 else batch
