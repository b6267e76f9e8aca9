"""The log lines of a trace, as Loki has them, for the tree."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from local.oncall.call_tree import CallTree
    from local.oncall.sources import Loki

_BEFORE_US, _AFTER_US = 60_000_000, 300_000_000
"""A line may be older than the first span that was kept, and come from work that went on after the answer."""
_STYLES = {"ERROR": "red", "FATAL": "red", "CRITICAL": "red", "WARN": "yellow", "WARNING": "yellow"}


def of_trace(loki: Loki, tree: CallTree) -> dict[str, list[Text]]:
    """The lines by the id of their span; under an empty id those whose span is not in the trace.

    Args:
        loki: which is asked for lines from a minute before the trace to five minutes after it.
        tree: the trace.

    Raises:
        LocalError: Loki could not be asked.
    """
    start = min(span.start_us for span in tree.spans)
    end = max(span.end_us for span in tree.spans)
    query = f'{{service_name=~".+"}} | trace_id="{tree.trace_id}"'
    found: dict[str, list[Text]] = {}
    known = {span.span_id for span in tree.spans}
    for labels, when, line in loki.lines(query, start - _BEFORE_US, end + _AFTER_US):
        span_id = labels.get("span_id", "")
        home = span_id if span_id in known else ""
        found.setdefault(home, []).append(_text(labels, when, line, named=not home))
    return found


def _text(labels: Mapping[str, str], when_us: int, line: str, *, named: bool) -> Text:
    level = (labels.get("severity_text") or labels.get("detected_level") or "").upper()
    return Text.assemble(
        (datetime.fromtimestamp(when_us / 1e6, UTC).strftime("%H:%M:%S.%f")[:-3], "dim"),
        " ",
        (f"{level} " if level else "", _STYLES.get(level, "dim")),
        (f"{labels.get('service_name', '?')}: " if named else "", "cyan"),
        line.rstrip("\n"),
    )


def count(lines: Mapping[str, Sequence[Text]]) -> int:
    """How many there are."""
    return sum(len(one) for one in lines.values())
