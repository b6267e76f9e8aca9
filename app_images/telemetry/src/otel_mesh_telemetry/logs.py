"""Structured logs: one JSON object per line on standard output, the same records over OTLP."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TextIO, cast

from opentelemetry.sdk._logs import LogRecordProcessor
from opentelemetry.trace import get_current_span

from otel_mesh_telemetry import redact

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry._logs import LoggerProvider
    from opentelemetry.sdk._logs import ReadWriteLogRecord
    from opentelemetry.util.types import AnyValue

_QUIET = {
    # One line per call, with the whole URL; the client span records the same.
    "httpx": logging.WARNING,
    "httpcore": logging.WARNING,
    # One line per malformed header: callers could flood the log.
    "opentelemetry.baggage.propagation": logging.ERROR,
    "opentelemetry.trace.span": logging.ERROR,
    "opentelemetry.trace.propagation.tracecontext": logging.ERROR,
}
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """Formats a log record as a JSON object with the IDs of the current span.

    Keys: ``timestamp`` (RFC 3339, UTC, microseconds), ``level``, ``logger``, ``message``, ``trace_id`` and
    ``span_id`` (lower-case hex, only inside a span), ``exception``, and every ``extra`` of the call.
    """

    def __init__(self, service: str = "") -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """The line, without a trailing newline."""
        when = datetime.fromtimestamp(record.created, UTC)
        line: dict[str, object] = {
            "timestamp": when.isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": redact.text(record.getMessage()),
        }
        if self._service:
            line["service"] = self._service
        context = get_current_span().get_span_context()
        if context.is_valid:
            line["trace_id"] = format(context.trace_id, "032x")
            line["span_id"] = format(context.span_id, "016x")
        for key, value in _extras(record):
            line.setdefault(key, redact.value(key, value))
        if record.exc_info:
            line["exception"] = redact.text(self.formatException(record.exc_info))
        if record.stack_info:
            line["stack"] = redact.text(self.formatStack(record.stack_info))
        return json.dumps(line, default=str, ensure_ascii=False)


class Redaction(LogRecordProcessor):
    """Removes secrets from log records before their export, as :class:`JsonFormatter` does for standard output.

    It must be the first processor of its provider.
    """

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        """Redact the record in place."""
        record = log_record.log_record
        if isinstance(record.body, str):
            record.body = redact.text(record.body)
        if record.attributes:
            changed = {key: redact.value(key, value) for key, value in record.attributes.items()}
            record.attributes = cast("dict[str, AnyValue]", changed)

    def shutdown(self) -> None:
        """Do nothing: the processor holds no resources."""

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """True: the processor buffers nothing."""
        del timeout_millis
        return True


def _extras(record: logging.LogRecord) -> Iterator[tuple[str, object]]:
    return ((key, value) for key, value in vars(record).items() if key not in _STANDARD)


def _not_about_telemetry(record: logging.LogRecord) -> bool:
    # Exporters log their failures; exporting those records would produce further failures.
    return not record.name.startswith("opentelemetry.")


def _writes_to_the_console(handler: logging.Handler) -> bool:
    return type(handler) is logging.StreamHandler and handler.stream in (sys.stdout, sys.stderr)


class Logging:
    """Configuration of the root logger, which can be undone.

    The application's handlers stay (a file, an error tracker), except those that write plain text to the console: with
    them every record would be printed twice.

    Args:
        level: Level of the root logger.
        service: Value of ``service`` in each line.
        provider: Provider that exports the records; None for standard output only.
        stream: Stream for the lines; standard output by default.
    """

    def __init__(
        self, level: str, service: str, provider: LoggerProvider | None = None, stream: TextIO | None = None
    ) -> None:
        self._root = logging.getLogger()
        self._level = self._root.level
        self._levels = {name: logging.getLogger(name).level for name in _QUIET}
        for name, threshold in _QUIET.items():
            logging.getLogger(name).setLevel(max(threshold, logging.getLevelName(level)))
        console = logging.StreamHandler(stream or sys.stdout)
        console.setFormatter(JsonFormatter(service))
        self._replaced = [handler for handler in self._root.handlers if _writes_to_the_console(handler)]
        self._otlp: list[logging.Handler] = []
        if provider is not None:
            # Imported here because it imports the instrumentation API, which takes twice as long as this library.
            from opentelemetry.instrumentation.logging.handler import LoggingHandler  # noqa: PLC0415

            self._otlp = [LoggingHandler(logger_provider=provider)]
            self._otlp[0].addFilter(_not_about_telemetry)
        self._added = [console, *self._otlp]
        others = [handler for handler in self._root.handlers if handler not in self._replaced]
        self._root.handlers[:] = [*self._added, *others]
        self._root.setLevel(level)

    def stop_export(self) -> None:
        """Write records to standard output only from now on."""
        for handler in self._otlp:
            self._root.removeHandler(handler)

    def restore(self) -> None:
        """Restore the root logger's original level and handlers; handlers added since then stay."""
        others = [handler for handler in self._root.handlers if handler not in self._added]
        self._root.handlers[:] = [*self._replaced, *others]
        self._root.setLevel(self._level)
        for name, before in self._levels.items():
            logging.getLogger(name).setLevel(before)
