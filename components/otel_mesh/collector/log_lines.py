"""Makes log records into lines that a log store keeps: what one must not contain, and how long it may be.

A store that flattens records into fields cannot hold two of one name, and VictoriaLogs 1.52 ends with a panic on a line
whose own attribute has the name of what tells streams apart
(https://github.com/VictoriaMetrics/VictoriaLogs/issues/1628). The Collector would send it again for ever, so that one
record would keep the store down.
"""

from __future__ import annotations

from typing import Any, Final

from otel_mesh.backends.log_queries import STREAM_FIELDS

PROCESSOR: Final = "transform/log_lines"

MAX_BODY_BYTES: Final = 256 * 1024
MAX_ATTRIBUTE_BYTES: Final = 64 * 1024
"""Longer texts are cut rather than lost: stores refuse long lines, VictoriaLogs those of more than 2 MiB in all."""

# without a backslash, which the language of the processor would want doubled
_RESERVED: Final = "^(" + "|".join(name.replace(".", "[.]") for name in STREAM_FIELDS) + ")$"
_TOO_LONG: Final = f"IsString(log.body) and Len(log.body) > {MAX_BODY_BYTES}"


def storable_lines() -> dict[str, Any]:
    """The processor, by its name: for the end of a pipeline of logs."""
    return {
        PROCESSOR: {
            "error_mode": "ignore",
            "log_statements": [
                {"context": "resource", "statements": [*_each_once("resource"), *_unmixed("resource")]},
                {
                    "context": "log",
                    "statements": [
                        *_each_once("log"),
                        # who says something is told by the resource; a record cannot speak for another
                        f'delete_matching_keys(log.attributes, "{_RESERVED}")',
                        *_unmixed("log"),
                        # a structured body is a line of JSON: its keys are not mixed with the attributes
                        "set(log.body, String(log.body)) where IsMap(log.body)",
                        f"set(log.body, Substring(log.body, 0, {MAX_BODY_BYTES}, true)) where {_TOO_LONG}",
                        f"truncate_all(log.attributes, {MAX_ATTRIBUTE_BYTES})",
                    ],
                },
            ],
        }
    }


def _each_once(context: str) -> list[str]:
    """Attributes by way of a map that has each name once, as it was first: OTLP may repeat one."""
    return [
        f'merge_maps({context}.cache, {context}.attributes, "insert")',
        f"set({context}.attributes, {context}.cache)",
    ]


def _unmixed(context: str) -> list[str]:
    """Attributes that hold a map whose keys would become such names as ``service.name``: as JSON."""
    parts = [name.split(".") for name in STREAM_FIELDS]
    above = {".".join(part[:length]) for part in parts for length in range(1, len(part))}
    found = {name: f'{context}.attributes["{name}"]' for name in sorted(above)}
    return [f"set({one}, String({one})) where IsMap({one})" for one in found.values()]
