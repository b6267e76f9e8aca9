"""Spans and durations for psycopg's asynchronous cursors.

The official psycopg instrumentation names spans by the bare operation, records every statement with its
literals and takes no pool's reconnects into account; this cursor names them ``{operation} {table}``, records
statements without values, and needs no patching. Needs ``psycopg``.
"""

from __future__ import annotations

from contextlib import contextmanager
from time import perf_counter
from typing import TYPE_CHECKING, Any, Self

import psycopg
from opentelemetry import trace
from opentelemetry.metrics import MeterProvider, get_meter_provider
from opentelemetry.trace import SpanKind, Status, StatusCode
from psycopg.sql import Composable

from otel_mesh_telemetry.database_calls import duration_histogram
from otel_mesh_telemetry.instrumentation import tracer_of
from otel_mesh_telemetry.sql import Statement, describe

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from opentelemetry.trace import TracerProvider

_SCOPE = "otel_mesh_telemetry.postgres"
_TEXT_TO = 4096  # characters of a statement that a span carries


def traced_cursor(
    tracer_provider: TracerProvider | None = None, meter_provider: MeterProvider | None = None
) -> type[psycopg.AsyncCursor[Any]]:
    """A cursor class for ``cursor_factory``: every statement is a client span ``{operation} {table}``.

    Args:
        tracer_provider: where spans go; the global one by default.
        meter_provider: where durations go; the global one by default.
    """
    recorder = _Recorder(tracer_provider or trace.get_tracer_provider(), meter_provider or get_meter_provider())

    class TracedAsyncCursor(psycopg.AsyncCursor[Any]):
        """An asynchronous cursor that leaves a span per statement."""

        async def execute(self, query: Any, params: Any = None, **kwargs: Any) -> Self:  # noqa: ANN401 - psycopg has eight overloads
            with recorder.statement(self, query, parametrized=params is not None):
                return await super().execute(query, params, **kwargs)

        async def executemany(self, query: Any, params_seq: Iterable[Any], *, returning: bool = False) -> None:  # noqa: ANN401
            with recorder.statement(self, query, parametrized=True):
                await super().executemany(query, params_seq, returning=returning)

    return TracedAsyncCursor


class _Recorder:
    def __init__(self, tracer_provider: TracerProvider, meter_provider: MeterProvider) -> None:
        self._tracer = tracer_of(tracer_provider, _SCOPE)
        self._duration = duration_histogram(meter_provider, _SCOPE)

    @contextmanager
    def statement(self, cursor: psycopg.AsyncCursor[Any], query: object, *, parametrized: bool) -> Iterator[None]:
        text = _text(query, cursor)
        if not text:  # a pool's check whether the connection lives
            yield
            return
        statement = describe(text)
        attributes = _attributes(cursor.connection, statement)
        with self._tracer.start_as_current_span(
            statement.summary or "postgresql",
            kind=SpanKind.CLIENT,
            # A parametrized statement carries no values, so it may be told as it is.
            attributes={**attributes, "db.query.text": (text if parametrized else statement.text)[:_TEXT_TO]},
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            began = perf_counter()
            try:
                yield
            except BaseException as exception:
                state = exception.sqlstate if isinstance(exception, psycopg.Error) else None
                if state:
                    span.set_attribute("db.response.status_code", state)
                attributes["error.type"] = state or type(exception).__qualname__
                span.set_attribute("error.type", attributes["error.type"])
                span.set_status(Status(StatusCode.ERROR))
                raise
            finally:
                self._duration.record(perf_counter() - began, attributes)


def _text(query: object, cursor: psycopg.AsyncCursor[Any]) -> str:
    if isinstance(query, str):
        return query
    if isinstance(query, Composable):
        return query.as_string(cursor)
    return bytes(query).decode("utf-8", "replace") if isinstance(query, bytes | bytearray) else ""


def _attributes(connection: psycopg.AsyncConnection[Any], statement: Statement) -> dict[str, str | int]:
    info = connection.info
    attributes: dict[str, str | int] = {"db.system.name": "postgresql", "db.query.summary": statement.summary}
    if statement.operation:
        attributes["db.operation.name"] = statement.operation
    if statement.target:
        attributes["db.collection.name"] = statement.target
    if not connection.closed:
        attributes |= {"db.namespace": info.dbname, "server.address": info.host, "server.port": info.port}
    return attributes
