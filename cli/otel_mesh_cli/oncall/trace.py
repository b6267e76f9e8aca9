"""`make trace`: one trace across services, each span with what was logged in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.oncall import log_lines, traces
from otel_mesh_cli.oncall.call_tree import CallTree
from otel_mesh_cli.oncall.log_store import LogStore

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from otel_mesh_cli.oncall.sources import Jaeger


def show(console: Console, jaeger: Jaeger, logs: LogStore, trace_id: str) -> None:
    """Print the tree with its logs, where the failing began and where to look further.

    Args:
        console: to print to.
        jaeger: which holds the traces.
        logs: where the logs are; without an answer the tree is shown alone.
        trace_id: 32 hexadecimal digits.

    Raises:
        CommandError: Jaeger could not be asked, or has no such trace.
    """
    spans = jaeger.trace(trace_id)
    if not spans:
        raise CommandError(
            f"ID={trace_id}: Jaeger has no such trace",
            remedy="it may be unsampled, not kept by the tail sampler or too old; `make slow` lists some",
        )
    tree = CallTree(spans)
    lines: dict[str, list[Text]] = {}
    try:
        lines = log_lines.of_trace(logs, tree)
        number = log_lines.count(lines)
        said = f"logs: {number} lines" + (", and more that were not asked for" if number == LogStore.LIMIT else "")
    except CommandError as error:  # the tree is worth showing without them
        said = f"logs: none shown, {error.message}; {error.remedy}, or does this stack have no log store?"
    console.print(traces.tree(tree.spans, lines))
    if "" in lines:
        console.print("logged outside of these spans:")
        for line in lines[""]:
            console.print(line)
    if failure := tree.first_failure():
        console.print(
            f"failed first: [red]{failure.culprit}[/red] in {tree.hop(failure.span)}  {failure.reason}", highlight=False
        )
    console.print(said, highlight=False)
    if page := jaeger.page(trace_id):
        console.print(page, highlight=False, soft_wrap=True)
