"""`otel-mesh trace`: one trace across services, each span with its log lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.text import Text

from otel_mesh.catalog import log_queries
from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.oncall.call_tree import CallTree
from otel_mesh_cli.oncall.log_store import LogStore
from otel_mesh_cli.oncall.picture import log_line, picture

if TYPE_CHECKING:
    from rich.console import Console

    from otel_mesh_cli.oncall.log_store import Line
    from otel_mesh_cli.oncall.sources import Sources
    from otel_mesh_cli.oncall.traces import Span

_BEFORE_US, _AFTER_US = 60_000_000, 300_000_000
"""Log records may be older than the first recorded span, and come from work that went on after the response."""


@dataclass(frozen=True)
class FirstFailure:
    """Where the failure of a trace began."""

    culprit: str
    """Name of the service or store that failed first."""
    hop: str
    """The failed span as text."""
    reason: str
    """Status code, error type, and what the spans below say."""
    span_id: str
    """Id of the failed span."""


@dataclass(frozen=True)
class Trace:
    """Answer of `otel-mesh trace`."""

    trace_id: str
    """32 hexadecimal digits."""
    spans: tuple[Span, ...]
    """Spans by start time."""
    logs: tuple[Line, ...]
    """Log records of the trace, oldest first."""
    logs_cut: bool
    """Whether there are more log records than were requested."""
    logs_error: str | None
    """Why there are no log records; None where the log store answered."""
    first_failure: FirstFailure | None
    """None where no span failed."""
    page: str | None
    """URL of the trace's page; None where Jaeger has none that a browser can reach."""


def ask(sources: Sources, trace_id: str) -> Trace:
    """Reads a trace and its log records. Without a log store the trace is the whole answer.

    Args:
        sources: The stack's backends.
        trace_id: 32 hexadecimal digits.

    Raises:
        CommandError: Jaeger does not answer, or has no such trace.
    """
    spans = sources.jaeger.trace(trace_id)
    if not spans:
        raise CommandError(
            f"{trace_id}: Jaeger has no such trace",
            remedy="it may be unsampled, dropped by the tail sampler or too old; `otel-mesh slow` lists traces",
        )
    tree = CallTree(spans)
    lines: list[Line] = []
    trouble = None
    try:
        start = min(span.start_us for span in tree.spans) - _BEFORE_US
        end = max(span.end_us for span in tree.spans) + _AFTER_US
        lines = sources.logs.lines(log_queries.of_trace(trace_id), start, end)
    except CommandError as error:
        trouble = f"{error.message}; {error.remedy}"
    return Trace(
        trace_id,
        tuple(tree.spans),
        tuple(lines),
        logs_cut=len(lines) == LogStore.LIMIT,
        logs_error=trouble,
        first_failure=_first_failure(tree),
        page=sources.jaeger.page(trace_id),
    )


def _first_failure(tree: CallTree) -> FirstFailure | None:
    failure = tree.first_failure()
    if failure is None:
        return None
    return FirstFailure(failure.culprit, tree.hop(failure.span), failure.reason, failure.span.span_id)


def show(console: Console, answer: Trace) -> None:
    """Prints the tree with its log lines, where the failure began and where to look further."""
    known = {span.span_id for span in answer.spans}
    below: dict[str, list[Text]] = {}
    others: list[Text] = []
    for line in answer.logs:
        span_id = line.fields.get("span_id", "")
        if span_id in known:
            below.setdefault(span_id, []).append(log_line(line, is_named=False))
        else:
            others.append(log_line(line, is_named=True))
    console.print(picture(CallTree(answer.spans), below))
    if others:
        console.print("log lines outside these spans:")
        for text in others:
            console.print(text)
    if failed := answer.first_failure:
        console.print(Text.assemble("failed first: ", (failed.culprit, "red"), f" in {failed.hop}  {failed.reason}"))
    if answer.logs_error is None:
        more = ", and more that were not requested" if answer.logs_cut else ""
        console.print(f"logs: {len(answer.logs)} lines{more}", highlight=False)
    else:
        console.print(Text(f"logs: none, {answer.logs_error}"))
    if answer.page:
        console.print(answer.page, highlight=False, soft_wrap=True)
