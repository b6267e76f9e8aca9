"""Asks the log store by its HTTP API; its language is `otel_mesh.backends.log_queries`' business."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.oncall.sources import answered

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

    from otel_mesh_cli.stacks.addresses import Address

_TIME = re.compile(r"(.+?)(?:\.(\d+))?Z")
"""RFC 3339 as it is told: in UTC, with as many digits as are not 0."""


@dataclass(frozen=True)
class Line:
    """A log line.

    Attributes:
        when_ns: nanoseconds since the epoch.
        text: what was logged, of one line or several.
        fields: all else that is known of it, by the names of OpenTelemetry.
    """

    when_ns: int
    text: str
    fields: Mapping[str, str]


class LogStore:
    """The log store's query API.

    Args:
        http: the client.
        address: where it is.
    """

    LIMIT = 1000
    """Lines that are asked for at most."""

    def __init__(self, http: httpx.Client, address: Address) -> None:
        self._http = http
        self._address = address

    def lines(self, query: str, start_us: int, end_us: int) -> list[Line]:
        """The first lines of a time that a query finds, oldest first, `LIMIT` at most.

        Args:
            query: in the store's language.
            start_us: microseconds since the epoch.
            end_us: the same.

        Raises:
            CommandError: it does not answer, or not as a log store does.
        """
        parameters = {
            "query": f"{query} | sort by (_time) limit {self.LIMIT}",
            "start": str(1000 * start_us),
            "end": str(1000 * end_us),
        }
        text = answered(self._http, self._address, "/select/logsql/query", parameters).text
        try:
            return [_line(json.loads(one)) for one in text.splitlines()]
        except (ValueError, KeyError, TypeError) as error:
            raise CommandError(
                f"{self._address.name} at {self._address.url}: answers no log lines ({type(error).__name__})",
                remedy="see `make status`",
            ) from None


def _line(fields: dict[str, str]) -> Line:
    return Line(_nanoseconds(fields.pop("_time")), fields.pop("_msg", ""), fields)


def _nanoseconds(time: str) -> int:
    found = _TIME.fullmatch(time)
    if found is None:
        raise ValueError(time)
    whole = datetime.fromisoformat(found[1]).replace(tzinfo=UTC)
    return int(whole.timestamp()) * 10**9 + int((found[2] or "").ljust(9, "0"))
