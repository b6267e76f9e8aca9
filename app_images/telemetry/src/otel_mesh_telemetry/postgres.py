"""Spans and durations for psycopg's asynchronous cursors.

The official psycopg instrumentation names spans after the operation only, records statements with their literals and
does not handle reconnects of a pool. This cursor names spans by a summary (``SELECT users``, or the one set with
:func:`otel_mesh_telemetry.sql.query_summary`), records statements without values, enforces the deadline of the request,
and needs no patching. Requires ``psycopg``.
"""

from __future__ import annotations

from contextlib import contextmanager
from time import perf_counter
from typing import TYPE_CHECKING, Any, Self

import psycopg
from opentelemetry import trace
from opentelemetry.metrics import MeterProvider, get_meter_provider
from opentelemetry.trace import SpanKind
from psycopg.sql import Composable

from otel_mesh_telemetry import outcome
from otel_mesh_telemetry.bounded import bounded
from otel_mesh_telemetry.database_calls import duration_histogram
from otel_mesh_telemetry.deadline import DeadlineExceededError
from otel_mesh_telemetry.instrumentation import tracer_of
from otel_mesh_telemetry.sql import describe, given_summary

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from opentelemetry.trace import TracerProvider

_SCOPE = "otel_mesh_telemetry.postgres"
_MAX_SUMMARIES = 256  # per cursor class; limits the number of time series if tables are created dynamically


class StatementDeadlineError(DeadlineExceededError, psycopg.OperationalError):
    """The statement exceeded the deadline of the request and was cancelled on the server.

    If the server is unreachable too, psycopg waits up to 10 s more before it closes the connection.
    """


def traced_cursor(
    tracer_provider: TracerProvider | None = None, meter_provider: MeterProvider | None = None
) -> type[psycopg.AsyncCursor[Any]]:
    """A cursor class for ``cursor_factory`` that creates a client span per statement, named by its summary.

    Args:
        tracer_provider: Provider of the tracers; the global one by default.
        meter_provider: Provider of the meters; the global one by default.
    """
    recorder = _Recorder(tracer_provider or trace.get_tracer_provider(), meter_provider or get_meter_provider())

    class TracedAsyncCursor(psycopg.AsyncCursor[Any]):
        """An asynchronous cursor that creates a span per statement."""

        async def execute(self, query: Any, params: Any = None, **kwargs: Any) -> Self:  # noqa: ANN401 - psycopg has eight overloads
            with recorder.statement(self, query):
                async with bounded("postgresql", StatementDeadlineError):
                    return await super().execute(query, params, **kwargs)

        async def executemany(self, query: Any, params_seq: Iterable[Any], *, returning: bool = False) -> None:  # noqa: ANN401
            with recorder.statement(self, query):
                async with bounded("postgresql", StatementDeadlineError):
                    await super().executemany(query, params_seq, returning=returning)

    return TracedAsyncCursor


class _Recorder:
    def __init__(self, tracer_provider: TracerProvider, meter_provider: MeterProvider) -> None:
        self._tracer = tracer_of(tracer_provider, _SCOPE)
        self._duration = duration_histogram(meter_provider, _SCOPE)
        self._summaries: set[str] = set()

    @contextmanager
    def statement(self, cursor: psycopg.AsyncCursor[Any], query: object) -> Iterator[None]:
        text = _text(query, cursor)
        if not text:  # a connection check by the pool
            yield
            return
        statement = describe(text)
        summary = self._bounded(given_summary() or statement.summary, statement.operation)
        attributes = _attributes(cursor.connection, summary)
        with self._tracer.start_as_current_span(
            summary or "postgresql",
            kind=SpanKind.CLIENT,
            attributes={**attributes, "db.query.text": statement.text},
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            began = perf_counter()
            try:
                yield
            except BaseException as exception:
                state = exception.sqlstate if isinstance(exception, psycopg.Error) else None
                outcome.note(exception, span, attributes, state)
                raise
            finally:
                self._duration.record(perf_counter() - began, attributes)

    def _bounded(self, summary: str, otherwise: str) -> str:
        if summary not in self._summaries:
            if len(self._summaries) >= _MAX_SUMMARIES:
                return otherwise if otherwise in self._summaries else ""
            self._summaries.add(summary)
        return summary


def _text(query: object, cursor: psycopg.AsyncCursor[Any]) -> str:
    if isinstance(query, str):
        return query
    if isinstance(query, Composable):
        return query.as_string(cursor)
    if isinstance(query, bytes | bytearray | memoryview):
        return bytes(query).decode("utf-8", "replace")
    strings = getattr(query, "strings", None)  # a template string of Python 3.14, without its interpolated values
    return "%s".join(strings) if strings else ""


def _attributes(connection: psycopg.AsyncConnection[Any], summary: str) -> dict[str, str | int]:
    info = connection.info
    attributes: dict[str, str | int] = {"db.system.name": "postgresql"}
    if summary:
        attributes["db.query.summary"] = summary
    if not connection.closed:
        attributes |= {"db.namespace": info.dbname, "server.address": info.host, "server.port": info.port}
    return attributes
