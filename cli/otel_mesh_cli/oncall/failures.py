"""`otel-mesh errors`: recent failed traces, grouped by what failed first in them."""

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
    from otel_mesh_cli.oncall.jaeger import Jaeger
    from otel_mesh_cli.oncall.options import Question, Window
    from otel_mesh_cli.oncall.sources import Sources

MOST = 2000
"""Traces of each service that are looked at: the newest."""


@dataclass(frozen=True)
class FailedRequest:
    """The newest failed trace of a group."""

    trace_id: str
    """32 hexadecimal digits."""
    service: str
    """Service of the root span."""
    name: str
    """Name of the root span."""
    outcome: str
    """Status code and error type of the root span."""
    end_us: int
    """End of the failed span in microseconds since the epoch."""
    page: str | None
    """URL of the trace's page; None where Jaeger has none that a browser can reach."""


@dataclass(frozen=True)
class Group:
    """Failed traces with the same first failure."""

    count: int
    """Number of traces."""
    culprit: str
    """Name of the service or store that failed first."""
    reason: str
    """Status code, error type, and what the spans below say."""
    hop: str
    """The failed span as text."""
    newest: FailedRequest
    """The newest of the traces."""


@dataclass(frozen=True)
class Failures:
    """Answer of `otel-mesh errors`."""

    window: Window
    """Time in which the traces began."""
    service: str | None
    """Service that the traces went through; None for any."""
    failed: int
    """Number of failed traces."""
    rejected: int
    """Number of traces with a response from 400 to 499 and no failure; they are not counted as failed."""
    most: int | None
    """Number of traces of each service that were looked at, if there were more; else None."""
    groups: tuple[Group, ...]
    """Groups of failed traces, the largest first."""
    further_groups: int
    """Number of groups beyond the limit."""


@dataclass(frozen=True)
class _Failed:
    tree: CallTree
    failure: Failure

    @property
    def kind(self) -> tuple[str, str, str]:
        return self.failure.culprit, self.tree.hop(self.failure.span), self.failure.reason


def _groups(failed: Iterable[_Failed]) -> list[list[_Failed]]:
    """Groups by culprit, hop and reason: the largest first, in each the newest first."""
    found: dict[tuple[str, str, str], list[_Failed]] = {}
    for one in sorted(failed, key=lambda one: -one.failure.span.end_us):
        found.setdefault(one.kind, []).append(one)
    return sorted(found.values(), key=lambda group: (-len(group), -group[0].failure.span.end_us))


def ask(sources: Sources, question: Question) -> Failures:
    """Finds failed traces and groups them.

    Args:
        sources: The stack's backends.
        question: Which traces.

    Raises:
        CommandError: There is no such service, or Jaeger does not answer.
    """
    service, window, jaeger = question.service, question.window, sources.jaeger
    if service:
        jaeger.require(service)
    trees: dict[str, CallTree] = {}
    cut = False
    for name in [service] if service else jaeger.services():
        newest, more = jaeger.newest(name, window, MOST)
        cut |= more
        trees.update((tree.trace_id, tree) for tree in map(CallTree, newest))
    failed = [_Failed(tree, failure) for tree in trees.values() if (failure := tree.first_failure())]
    found = _groups(failed)
    return Failures(
        window,
        service or None,
        failed=len(failed),
        rejected=sum(any(span.failed for span in tree.spans) for tree in trees.values()) - len(failed),
        most=MOST if cut else None,
        groups=tuple(_group(jaeger, group) for group in found[: question.limit]),
        further_groups=max(0, len(found) - question.limit),
    )


def _group(jaeger: Jaeger, group: Sequence[_Failed]) -> Group:
    newest = group[0]
    culprit, hop, reason = newest.kind
    root = newest.tree.roots[0] if newest.tree.roots else newest.tree.spans[0]
    trace_id = newest.tree.trace_id
    request = FailedRequest(
        trace_id, root.service, root.name, root.outcome, newest.failure.span.end_us, jaeger.page(trace_id)
    )
    return Group(len(group), culprit, reason, hop, request)


def show(console: Console, answer: Failures, flags: str) -> None:
    """Prints the groups, each with its newest trace.

    Args:
        console: Where to print.
        answer: The groups.
        flags: Options that name the stack in the commands to go on with.
    """
    through = f" through {answer.service}" if answer.service else ""
    among = f", among the newest {answer.most} of each service" if answer.most else ""
    noun = "trace" if answer.failed == 1 else "traces"
    head = f"{answer.failed} failed {noun}{through} in the last {answer.window.since}{among}"
    console.print(Text(head, "bold"), highlight=False)
    for group in answer.groups:
        newest = group.newest
        when = datetime.fromtimestamp(newest.end_us / 1e6).astimezone()
        console.print(Text.assemble((f"{group.count:5} x  ", "bold"), (group.culprit, "bold red"), f"  {group.reason}"))
        console.print(Text.assemble(f"{'':9}in ", (group.hop, "yellow")))
        console.print(
            Text.assemble(
                f"{'':9}last {when:%H:%M:%S} in ",
                (newest.service, "cyan"),
                f"  {newest.name}  ",
                (newest.outcome, "red"),
            )
        )
        console.print(Text(f"{'':9}otel-mesh trace {newest.trace_id}{flags}", "dim"), soft_wrap=True)
        if newest.page:
            console.print(Text(f"{'':9}{newest.page}", "dim"), soft_wrap=True)
    if answer.further_groups:
        total = len(answer.groups) + answer.further_groups
        console.print(f"and {answer.further_groups} more groups: --limit {total}", highlight=False)
    if answer.rejected:
        noun = "trace" if answer.rejected == 1 else "traces"
        console.print(f"not counted: {answer.rejected} {noun} with responses below 500, such as 404", highlight=False)
