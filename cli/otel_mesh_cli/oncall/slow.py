"""`make slow`: the slowest requests of a service, each with the hop where its time went."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from rich.text import Text

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.oncall.call_tree import CallTree
from otel_mesh_cli.oncall.sources import Jaeger

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.console import Console

    from otel_mesh_cli.oncall.options import Question
    from otel_mesh_cli.oncall.traces import Span


@dataclass(frozen=True)
class Slow:
    """One slow request."""

    tree: CallTree
    entry: Span
    """The service's own span of it."""

    @property
    def hop(self) -> Span:
        """Where most of its time went."""
        return self.tree.slowest_hop(self.entry)


def slowest(
    search: Callable[[int], list[list[Span]]], entry: Callable[[CallTree], Span | None], number: int
) -> list[Slow]:
    """The slowest requests: Jaeger gives the newest, so that it is asked for ever slower ones until none is left out.

    Args:
        search: traces with a span of at least so many microseconds, `Jaeger.PAGE` at most and then the newest.
        entry: the span of a trace whose duration counts.
        number: how many are wanted.
    """
    found: dict[str, Slow] = {}
    floor = 0
    while True:
        answer = search(floor)
        for tree in map(CallTree, answer):
            if (span := entry(tree)) is not None:
                found[tree.trace_id] = Slow(tree, span)
        ranked = sorted(found.values(), key=lambda one: -one.entry.duration_us)[:number]
        if len(answer) < Jaeger.PAGE or len(ranked) < number:
            return ranked
        floor = max(floor, ranked[-1].entry.duration_us) + 1


def show(console: Console, jaeger: Jaeger, question: Question) -> None:
    """Print them, slowest first, and where the time of all of them went.

    Args:
        console: to print to.
        jaeger: which holds the traces.
        question: whose requests, with its service.

    Raises:
        CommandError: there is no such service, route or request, or Jaeger could not be asked.
    """
    service, window = question.service, question.window
    jaeger.require(service)
    operation = jaeger.operation(service, question.route) if question.route else None
    more = {"operation": operation} if operation else {}
    found = slowest(
        lambda floor: jaeger.search(service, window, minDuration=f"{floor}us", **more),
        lambda tree: tree.entry(service, operation),
        question.number,
    )
    what = operation or f"requests of {service}"
    if not found:
        raise CommandError(f"{what}: none in the last {window.text}", remedy="look further back, e.g. SINCE=1d")
    console.print(f"slowest {len(found)} of {what} in the last {window.text}", style="bold", highlight=False)
    for one in found:
        _print(console, one)
    console.print(_summary(found))


def _print(console: Console, one: Slow) -> None:
    hop, entry = one.hop, one.entry
    own = one.tree.self_us(hop)
    when = datetime.fromtimestamp(entry.start_us / 1e6).astimezone()
    console.print(
        Text.assemble(
            (f"{entry.duration_us / 1000:10.1f} ms", "bold"),
            f"  {when:%H:%M:%S}  ",
            (entry.service, "cyan"),
            f"  {entry.name}  ",
            (entry.outcome, "red" if entry.failed else "green"),
        )
    )
    share = own / entry.duration_us if entry.duration_us else 1.0
    console.print(Text.assemble(f"{share:13.0%}  in ", (one.tree.hop(hop), "yellow"), f"  {own / 1000:.1f} ms its own"))
    console.print(f"{'':15}make trace ID={one.tree.trace_id}", style="dim", highlight=False, soft_wrap=True)


def _summary(found: Sequence[Slow]) -> Text:
    """Whether it is always the same hop."""
    hops = Counter(one.tree.hop(one.hop) for one in found)
    hop, times = hops.most_common(1)[0]
    return Text.assemble(f"most of the time went in {times} of {len(found)} to ", (hop, "yellow"))
