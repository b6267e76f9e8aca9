"""`otel-mesh slow`: the slowest requests of a service, each with the hop where its time went."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from rich.text import Text

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.oncall.call_tree import CallTree
from otel_mesh_cli.oncall.jaeger import Jaeger

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from otel_mesh.catalog.model import Catalog
    from otel_mesh_cli.oncall.options import Question, Window
    from otel_mesh_cli.oncall.sources import Sources
    from otel_mesh_cli.oncall.traces import Span


@dataclass(frozen=True)
class SlowRequest:
    """One slow request."""

    trace_id: str
    """32 hexadecimal digits."""
    service: str
    """Name of the service that served the request."""
    name: str
    """Name of its server span."""
    start_us: int
    """Start in microseconds since the epoch."""
    duration_us: int
    """Duration in microseconds."""
    outcome: str
    """Status code and error type."""
    failed: bool
    """Whether the span's status is ERROR."""
    hop: str
    """The span where most of the time went, as text."""
    hop_self_us: int
    """Microseconds of that span in which none of its children ran."""


@dataclass(frozen=True)
class SlowRequests:
    """Answer of `otel-mesh slow`."""

    window: Window
    """Time in which the requests began."""
    service: str
    """Name of the service."""
    operation: str | None
    """Span name of the route; None for all requests of the service."""
    requests: tuple[SlowRequest, ...]
    """The slowest requests, slowest first."""

    @property
    def subject(self) -> str:
        """Which requests these are."""
        return self.operation or f"requests of {self.service}"


def slowest(
    search: Callable[[int], list[list[Span]]], entry: Callable[[CallTree], Span | None], limit: int
) -> list[tuple[CallTree, Span]]:
    """The slowest requests with their server spans, slowest first.

    Jaeger returns the newest traces, so it is asked for ever slower ones until one page holds them all.

    Args:
        search: Returns traces with a span of at least so many microseconds: the newest `Jaeger.PAGE`.
        entry: Returns the span of a trace whose duration counts.
        limit: Number of requests at most.
    """
    found: dict[str, tuple[CallTree, Span]] = {}
    floor = 0
    while True:
        answer = search(floor)
        for tree in map(CallTree, answer):
            if (span := entry(tree)) is not None:
                found[tree.trace_id] = tree, span
        ranked = sorted(found.values(), key=lambda one: -one[1].duration_us)[:limit]
        if len(answer) < Jaeger.PAGE or len(ranked) < limit:
            return ranked
        floor = max(floor, ranked[-1][1].duration_us) + 1


def entrance(catalog: Catalog) -> str:
    """The service whose requests are meant where none is named: the first exposed one."""
    return next((one.name for one in catalog.services if one.exposed), catalog.services[0].name)


def ask(sources: Sources, question: Question) -> SlowRequests:
    """Finds the slowest requests.

    Args:
        sources: The stack's backends and its catalog.
        question: Which requests.

    Raises:
        CommandError: There is no such service, route or request, or Jaeger does not answer.
    """
    service, window = question.service or entrance(sources.catalog), question.window
    jaeger = sources.jaeger
    jaeger.require(service)
    operation = jaeger.operation(service, question.route) if question.route else None
    more = {"operation": operation} if operation else {}
    found = slowest(
        lambda floor: jaeger.search(service, window, minDuration=f"{floor}us", **more),
        lambda tree: tree.entry(service, operation),
        question.limit,
    )
    answer = SlowRequests(window, service, operation, tuple(_request(tree, span) for tree, span in found))
    if not found:
        raise CommandError(f"{answer.subject}: none in the last {window.since}", remedy="look further back: --since 1d")
    return answer


def _request(tree: CallTree, entry: Span) -> SlowRequest:
    hop = tree.slowest_hop(entry)
    return SlowRequest(
        tree.trace_id,
        entry.service,
        entry.name,
        entry.start_us,
        entry.duration_us,
        entry.outcome,
        entry.failed,
        tree.hop(hop),
        tree.self_us(hop),
    )


def show(console: Console, answer: SlowRequests, flags: str) -> None:
    """Prints the requests, and the hop where the time of most of them went.

    Args:
        console: Where to print.
        answer: The requests.
        flags: Options that name the stack in the commands to go on with.
    """
    found = answer.requests
    console.print(
        Text(f"slowest {len(found)} of {answer.subject} in the last {answer.window.since}", "bold"), highlight=False
    )
    for one in found:
        when = datetime.fromtimestamp(one.start_us / 1e6).astimezone()
        console.print(
            Text.assemble(
                (f"{one.duration_us / 1000:10.1f} ms", "bold"),
                f"  {when:%H:%M:%S}  ",
                (one.service, "cyan"),
                f"  {one.name}  ",
                (one.outcome, "red" if one.failed else "green"),
            )
        )
        share = one.hop_self_us / one.duration_us if one.duration_us else 1.0
        own = f"  {one.hop_self_us / 1000:.1f} ms self time"
        console.print(Text.assemble(f"{share:13.0%}  in ", (one.hop, "yellow"), own))
        console.print(Text(f"{'':15}otel-mesh trace {one.trace_id}{flags}", "dim"), soft_wrap=True)
    hop, times = Counter(one.hop for one in found).most_common(1)[0]
    console.print(Text.assemble(f"slowest hop in {times} of {len(found)}: ", (hop, "yellow")))
