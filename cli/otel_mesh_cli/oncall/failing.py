"""`make errors`: recent failing traces, by what failed first in them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from rich.text import Text

from otel_mesh_cli.oncall.call_tree import CallTree

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console

    from otel_mesh_cli.oncall.call_tree import Failure
    from otel_mesh_cli.oncall.options import Question
    from otel_mesh_cli.oncall.sources import Jaeger

MOST = 2000
"""Traces of each service that are looked at: the newest."""


@dataclass(frozen=True)
class Failed:
    """One failing trace."""

    tree: CallTree
    failure: Failure

    @property
    def kind(self) -> tuple[str, str, str]:
        """What failings of the same kind have in common."""
        return self.failure.culprit, self.tree.hop(self.failure.span), self.failure.reason


def groups(failed: Iterable[Failed]) -> list[list[Failed]]:
    """By culprit, hop and reason: the most frequent first, in each the newest first."""
    found: dict[tuple[str, str, str], list[Failed]] = {}
    for one in sorted(failed, key=lambda one: -one.failure.span.end_us):
        found.setdefault(one.kind, []).append(one)
    return sorted(found.values(), key=lambda group: (-len(group), -group[0].failure.span.end_us))


def show(console: Console, jaeger: Jaeger, question: Question) -> None:
    """Print the groups, each with its newest trace.

    Args:
        console: to print to.
        jaeger: which holds the traces.
        question: which traces.

    Raises:
        CommandError: there is no such service, or Jaeger could not be asked.
    """
    service, window = question.service, question.window
    if service:
        jaeger.require(service)
    trees: dict[str, CallTree] = {}
    cut = False
    for name in [service] if service else jaeger.services():
        newest, more = jaeger.newest(name, window, MOST)
        cut |= more
        trees.update((tree.trace_id, tree) for tree in map(CallTree, newest))
    failed = [Failed(tree, failure) for tree in trees.values() if (failure := tree.first_failure())]
    found = groups(failed)
    through = f" through {service}" if service else ""
    head = f"{len(failed)} failing traces{through} in the last {window.text}"
    console.print(head + (f", among the newest {MOST} of each service" if cut else ""), style="bold", highlight=False)
    for group in found[: question.number]:
        _print(console, jaeger, group)
    if len(found) > question.number:
        console.print(f"and {len(found) - question.number} more kinds: LIMIT={len(found)}", highlight=False)
    if refused := sum(any(span.failed for span in tree.spans) for tree in trees.values()) - len(failed):
        console.print(f"not counted: {refused} in which a caller was only told no, as by 404", highlight=False)


def _print(console: Console, jaeger: Jaeger, group: Sequence[Failed]) -> None:
    newest = group[0]
    culprit, hop, reason = newest.kind
    root = newest.tree.roots[0] if newest.tree.roots else newest.tree.spans[0]
    when = datetime.fromtimestamp(newest.failure.span.end_us / 1e6).astimezone()
    console.print(Text.assemble((f"{len(group):5} x  ", "bold"), (culprit, "bold red"), f"  {reason}"))
    console.print(Text.assemble(f"{'':9}in ", (hop, "yellow")))
    console.print(
        Text.assemble(
            f"{'':9}last {when:%H:%M:%S} in ", (root.service, "cyan"), f"  {root.name}  ", (root.outcome, "red")
        )
    )
    trace_id = newest.tree.trace_id
    console.print(f"{'':9}make trace ID={trace_id}", style="dim", highlight=False, soft_wrap=True)
    if page := jaeger.page(trace_id):
        console.print(f"{'':9}{page}", style="dim", highlight=False, soft_wrap=True)
