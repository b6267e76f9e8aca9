"""Fits log records to the log backend: no ambiguous field names, no overlong lines.

A store that flattens records into fields cannot hold two fields of the same name, and VictoriaLogs 1.52 panics on a
line whose own attribute has the name of a stream field
(https://github.com/VictoriaMetrics/VictoriaLogs/issues/1628). The Collector would retry that line for ever, so that
one record would keep the store down.
"""

from __future__ import annotations

from typing import Final

from otel_mesh.catalog.log_queries import STREAM_FIELDS
from otel_mesh.collector.pipelines import Processor, Stage

MAX_BODY_BYTES: Final = 256 * 1024
MAX_ATTRIBUTE_BYTES: Final = 64 * 1024
"""Longer texts are cut, because log backends drop overlong lines; VictoriaLogs' limit is 2 MiB for the whole line."""

# without a backslash, which OTTL would want doubled
_RESERVED: Final = "^(" + "|".join(name.replace(".", "[.]") for name in STREAM_FIELDS) + ")$"
_TOO_LONG: Final = f"IsString(log.body) and Len(log.body) > {MAX_BODY_BYTES}"


def _each_once(context: str) -> list[str]:
    """Statements that keep the first of several attributes of one name, which OTLP allows."""
    return [
        f'merge_maps({context}.cache, {context}.attributes, "insert")',
        f"set({context}.attributes, {context}.cache)",
    ]


def _unmixed(context: str) -> list[str]:
    """Statements that turn map attributes into JSON where flattening would make a stream field of them.

    An attribute ``service`` with the key ``name`` would become ``service.name``.
    """
    parts = [name.split(".") for name in STREAM_FIELDS]
    above = {".".join(part[:length]) for part in parts for length in range(1, len(part))}
    found = {name: f'{context}.attributes["{name}"]' for name in sorted(above)}
    return [f"set({one}, String({one})) where IsMap({one})" for one in found.values()]


LOG_LINES: Final = Processor(
    "transform/log_lines",
    {
        "error_mode": "ignore",
        "log_statements": [
            {"context": "resource", "statements": [*_each_once("resource"), *_unmixed("resource")]},
            {
                "context": "log",
                "statements": [
                    *_each_once("log"),
                    # the resource says who logs; a record must not claim to be somebody else's
                    f'delete_matching_keys(log.attributes, "{_RESERVED}")',
                    *_unmixed("log"),
                    # a structured body becomes a line of JSON, so that its keys do not mix with the attributes
                    "set(log.body, String(log.body)) where IsMap(log.body)",
                    f"set(log.body, Substring(log.body, 0, {MAX_BODY_BYTES}, true)) where {_TOO_LONG}",
                    f"truncate_all(log.attributes, {MAX_ATTRIBUTE_BYTES})",
                ],
            },
        ],
    },
    Stage.FIT,
)
"""Last processor of a pipeline of logs that go to a log backend."""
