"""The log lines of a trace for its tree."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.text import Text

from otel_mesh.backends import log_queries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from otel_mesh_cli.oncall.call_tree import CallTree
    from otel_mesh_cli.oncall.log_store import Line, LogStore

_BEFORE_US, _AFTER_US = 60_000_000, 300_000_000
"""A line may be older than the first span that was kept, and come from work that went on after the answer."""
_UNSAID = {"", "UNSPECIFIED"}
"""Severities of records that name none."""
_STYLES = {"ERROR": "red", "FATAL": "red", "CRITICAL": "red", "WARN": "yellow", "WARNING": "yellow"}


def of_trace(logs: LogStore, tree: CallTree) -> dict[str, list[Text]]:
    """The lines by the id of their span; under an empty id those whose span is not in the trace.

    Args:
        logs: which are asked for lines from a minute before the trace to five minutes after it.
        tree: the trace.

    Raises:
        CommandError: they could not be asked.
    """
    start = min(span.start_us for span in tree.spans)
    end = max(span.end_us for span in tree.spans)
    found: dict[str, list[Text]] = {}
    known = {span.span_id for span in tree.spans}
    for line in logs.lines(log_queries.of_trace(tree.trace_id), start - _BEFORE_US, end + _AFTER_US):
        span_id = line.fields.get("span_id", "")
        home = span_id if span_id in known else ""
        found.setdefault(home, []).append(_text(line, named=not home))
    return found


def _text(line: Line, *, named: bool) -> Text:
    level = line.fields.get("severity_text", "").upper()
    return Text.assemble(
        (datetime.fromtimestamp(line.when_ns / 1e9, UTC).strftime("%H:%M:%S.%f")[:-3], "dim"),
        " ",
        (f"{level} " if level not in _UNSAID else "", _STYLES.get(level, "dim")),
        (f"{line.fields.get('service.name', '?')}: " if named else "", "cyan"),
        line.text.rstrip("\n"),
    )


def count(lines: Mapping[str, Sequence[Text]]) -> int:
    """How many there are."""
    return sum(len(one) for one in lines.values())
