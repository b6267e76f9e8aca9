"""VictoriaLogs' query API. Queries are written by `otel_mesh.catalog.log_queries`."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_mesh_cli.oncall.backends import Backend

_TIME = re.compile(r"(.+?)(?:\.(\d+))?Z")
"""RFC 3339 in UTC, without trailing zeros of the fraction."""


@dataclass(frozen=True)
class Line:
    """One log record."""

    when_ns: int
    """Time in nanoseconds since the epoch."""
    text: str
    """Body, of one line or several."""
    fields: Mapping[str, str]
    """Attributes by their OpenTelemetry names, with ``span_id``, ``severity_text`` and ``service.name``."""


class LogStore:
    """VictoriaLogs' query API.

    Args:
        backend: Where VictoriaLogs is.
    """

    LIMIT = 1000
    """Records requested at most."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def lines(self, query: str, start_us: int, end_us: int) -> list[Line]:
        """The first records that match a query, oldest first, `LIMIT` at most.

        Args:
            query: Query in LogsQL.
            start_us: Beginning in microseconds since the epoch.
            end_us: End in microseconds since the epoch.

        Raises:
            CommandError: The log store does not answer, or with something else than log records.
        """
        parameters = {
            "query": f"{query} | sort by (_time) limit {self.LIMIT}",
            "start": str(1000 * start_us),
            "end": str(1000 * end_us),
        }
        text = self._backend.get("/select/logsql/query", parameters).text
        try:
            return [_line(json.loads(one)) for one in text.splitlines()]
        except (ValueError, KeyError, TypeError) as error:
            raise self._backend.error(f"answers no log lines ({type(error).__name__})") from None


def _line(fields: dict[str, str]) -> Line:
    return Line(_nanoseconds(fields.pop("_time")), fields.pop("_msg", ""), fields)


def _nanoseconds(time: str) -> int:
    found = _TIME.fullmatch(time)
    if found is None:
        raise ValueError(time)
    whole = datetime.fromisoformat(found[1]).replace(tzinfo=UTC)
    return int(whole.timestamp()) * 10**9 + int((found[2] or "").ljust(9, "0"))
