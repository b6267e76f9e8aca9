"""`otel-mesh check --against-traffic 7d`: the calls that proposed access policies would have refused."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from otel_mesh.catalog.contract import named_callee, silent_edges
from otel_mesh.catalog.model import EXTERNAL, OUTSIDE
from otel_mesh.check.calls import Calls
from otel_mesh_cli.oncall import service_map
from otel_mesh_cli.oncall.sources import sources

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rich.console import Console

    from otel_mesh.catalog.model import Catalog
    from otel_mesh.check.index import Index
    from otel_mesh_cli.oncall.options import Window
    from otel_mesh_cli.oncall.prometheus import Prometheus
    from otel_mesh_cli.oncall.sources import Target

_STEPS: Final = 1000
_SHORTEST_STEP_S: Final = 30


@dataclass(frozen=True)
class RefusedCall:
    """Calls that were made and would be refused."""

    caller: str
    """``service.name`` of the caller."""
    callee: str
    """``service.name`` of the callee."""
    calls: float
    """Number of answered calls in the window."""
    per_second: float
    """Answered calls per second over the window."""
    last_seen: str | None
    """Time of the last call, in UTC (ISO 8601), to the step of the query; None if unknown."""
    policy: str | None
    """Policy that refuses them."""
    reason: str
    """Reason of the refusal."""


@dataclass(frozen=True)
class Replay:
    """Answer of the comparison."""

    since: str
    """Length of the window."""
    compared: int
    """Number of pairs of caller and callee that were judged."""
    refused: list[RefusedCall] = field(default_factory=list)
    """Calls that would be refused, the most frequent first."""
    unanswered: list[tuple[str, str]] = field(default_factory=list)
    """Pairs whose calls would be refused, and of which none was answered: they may be refused already."""
    unjudged: list[tuple[str, str]] = field(default_factory=list)
    """Pairs of which caller or callee is not among the objects."""
    never_seen: list[tuple[str, str]] = field(default_factory=list)
    """Declared calls that nobody made."""


def ask(target: Target, index: Index, window: Window) -> Replay:
    """Read the calls of the window and judge them.

    Args:
        target: Stack whose calls are read, and how its Prometheus is reached.
        index: Objects with the proposed policies.
        window: Time of the calls.

    Raises:
        CommandError: Prometheus does not answer.
    """
    # the checkout's catalog: the proposed stack's, not the deployed one's
    from otel_mesh_stack.services import CATALOG  # noqa: PLC0415

    with sources(target) as found:
        calls = [
            (pair, number - failed) for pair, number, failed, _ in service_map.observed(found.prometheus, window.since)
        ]
        last = last_calls(found.prometheus, window)
    return judged(index, CATALOG, calls, last, window)


def last_calls(prometheus: Prometheus, window: Window) -> dict[tuple[str, str], float]:
    """Time of the last call of each pair, in seconds since the epoch."""
    samples = prometheus.samples(last_calls_query(window))
    return {(labels["client"], labels["server"]): value for labels, value in samples}


def last_calls_query(window: Window) -> str:
    """PromQL of the time of the last call of each pair, to two steps of the query."""
    step = max(int(window.seconds / _STEPS), _SHORTEST_STEP_S)
    # a counter that appears has counted a call already
    grown = f"timestamp({service_map.CALLS}) and ({service_map.increase(service_map.CALLS, f'{2 * step}s')} > 0)"
    # a subquery ends at the last multiple of its step; what came since is asked for beside it
    return f"max by (client, server) (({grown}) or max_over_time(({grown})[{window.since}:{step}s]))"


def judged(
    index: Index,
    catalog: Catalog,
    calls: Iterable[tuple[tuple[str, str], float]],
    last: Mapping[tuple[str, str], float],
    window: Window,
) -> Replay:
    """Judge observed calls by the policies among objects.

    Args:
        index: Objects with the proposed policies.
        catalog: Catalog that declares calls.
        calls: Observed pairs of caller and callee with the number of answered calls.
        last: Time of the last call of each pair.
        window: Time of the calls.
    """
    decisions = Calls(index)
    refused, unanswered, unjudged, seen, compared = [], [], [], set(), 0
    for (caller, called), count in calls:
        callee = named_callee(catalog, caller, called)
        seen.add((caller, callee))
        if caller == OUTSIDE or callee == EXTERNAL:
            continue
        source, target = decisions.workload(caller), decisions.workload(callee)
        if source is None or target is None:
            unjudged.append((caller, callee))
            continue
        compared += 1
        refusal = decisions.refusal(source, target)
        if refusal is not None and not count:
            unanswered.append((caller, callee))
        elif refusal is not None:
            moment = last.get((caller, called))
            when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment)) if moment else None
            by = str(refusal.by) if refusal.by else None
            refused.append(RefusedCall(caller, callee, count, count / window.seconds, when, by, refusal.reason))
    refused.sort(key=lambda one: (-one.calls, one.caller, one.callee))
    return Replay(window.since, compared, refused, unanswered, unjudged, list(silent_edges(catalog, seen)))


def show(console: Console, answer: Replay) -> None:
    """Print the refused calls, those that were never answered or not judged, and declared calls that nobody made."""

    def say(text: str, style: str = "") -> None:
        console.print(text, style=style, highlight=False, markup=False, soft_wrap=True)

    say("")
    say(f"calls of the last {answer.since} under these policies", "bold")
    for one in answer.refused:
        say(f"  REFUSED {one.caller} → {one.callee}", "red")
        last = one.last_seen or "time unknown"
        say(f"        {one.calls:.0f} answered calls, {one.per_second:.3f} per s, last {last}")
        say(f"        {one.reason}")
    for caller, callee in answer.unanswered:
        say(f"  refused, but no call was answered {caller} → {callee}", "dim")
    for caller, callee in answer.unjudged:
        say(f"  not judged {caller} → {callee}: not both are among the objects", "dim")
    for caller, callee in answer.never_seen:
        say(f"  declared, never seen {caller} → {callee}", "yellow")
    if answer.refused:
        say(f"{len(answer.refused)} of {answer.compared} pairs would be refused")
    else:
        say(f"{answer.compared} pairs, none would be refused")
