"""The picture of a trace: a tree of its spans, with their log lines."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.text import Text
from rich.tree import Tree

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from otel_mesh_cli.oncall.call_tree import CallTree
    from otel_mesh_cli.oncall.log_store import Line
    from otel_mesh_cli.oncall.traces import Span

_DEEP = 8
_NARROW, _NARROW_ASCII = ("  ", "│ ", "├╴", "└╴"), ("  ", "| ", "+-", "`-")
"""Guides of a deep tree: with a mesh each call is four levels, and all have to fit on a screen."""
_UNSPECIFIED = {"", "UNSPECIFIED"}
"""Severities of records without one."""
_STYLES = {"ERROR": "red", "FATAL": "red", "CRITICAL": "red", "WARN": "yellow", "WARNING": "yellow"}


def picture(trace: CallTree, lines: Mapping[str, Sequence[Text]] | None = None) -> Tree:
    """Who called whom, how long it took and how it ended.

    Args:
        trace: The trace.
        lines: Text to show directly below a span, by span id.
    """
    start = min(span.start_us for span in trace.spans)
    total = max(span.end_us for span in trace.spans) - start
    head = Text.assemble("trace ", (trace.trace_id, "bold"), f"  {len(trace.spans)} spans  {total / 1000:.1f} ms")
    made = Tree(head)
    todo = [(made, span, 1) for span in reversed(trace.roots)]
    deepest = 0
    while todo:
        branch, span, depth = todo.pop()
        deepest = max(deepest, depth)
        node = branch.add(_span(span, start))
        for line in (lines or {}).get(span.span_id, ()):
            node.add(line)
        todo += [(node, child, depth + 1) for child in reversed(trace.children(span))]
    if deepest > _DEEP:
        made.TREE_GUIDES = [_NARROW] * len(Tree.TREE_GUIDES)
        made.ASCII_GUIDES = _NARROW_ASCII
    return made


def _span(span: Span, start_us: int) -> Text:
    return Text.assemble(
        (span.service, "cyan"),
        (f" ({span.proxy})" if span.proxy else "", "magenta"),
        "  ",
        (span.name, "bold"),
        f"  {span.kind}",
        f"  {span.duration_us / 1000:.1f} ms at +{(span.start_us - start_us) / 1000:.1f}",
        (f"  {span.outcome}" if span.outcome else "", "red" if span.failed else "green"),
    )


def log_line(line: Line, *, is_named: bool) -> Text:
    """One log record as text.

    Args:
        line: The record.
        is_named: Whether the service's name is part of it.
    """
    level = line.fields.get("severity_text", "").upper()
    return Text.assemble(
        (datetime.fromtimestamp(line.when_ns / 1e9, UTC).strftime("%H:%M:%S.%f")[:-3], "dim"),
        " ",
        (f"{level} " if level not in _UNSPECIFIED else "", _STYLES.get(level, "dim")),
        (f"{line.fields.get('service.name', '?')}: " if is_named else "", "cyan"),
        line.text.rstrip("\n"),
    )
