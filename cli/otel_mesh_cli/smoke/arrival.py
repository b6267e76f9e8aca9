"""Waiting until the trace of a request has arrived in Jaeger, complete."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from otel_mesh_cli.core import waiting
from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.oncall import traces
from otel_mesh_cli.smoke import remedies
from otel_mesh_cli.stacks.addresses import JAEGER

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import httpx

    from otel_mesh_cli.oncall.traces import Span

TRACE_DEADLINE_S = 60.0
_TRIES, _SETTLING_S = 5, 2.0
"""Proxies learn some time after Kubernetes that a pod is ready; until then they answer for it."""


def traced(
    http: httpx.Client, trace_id: str, send_again: Callable[[], str], wrong: Callable[[Sequence[Span]], list[str]]
) -> tuple[str, Sequence[Span]]:
    """Waits for a request's trace; sends another request where a proxy retried it, as after a restart of pods.

    Args:
        http: The client.
        trace_id: Trace of the request.
        send_again: Sends another one and returns its trace id.
        wrong: What is wrong with a trace, in words.

    Raises:
        CommandError: The trace did not become complete, or every request was retried.
    """
    for attempt in range(_TRIES):
        spans = wait_for_trace(http, trace_id, lambda seen: [] if traces.repeated(seen) else wrong(seen))
        if not traces.repeated(spans):
            return trace_id, spans
        if attempt < _TRIES - 1:
            time.sleep(_SETTLING_S)
            trace_id = send_again()
    raise CommandError(
        f"{JAEGER.url}: the mesh's proxies retried {_TRIES} of {_TRIES} requests, the last in trace {trace_id}",
        remedy=remedies.of_service(),
    )


def wait_for_trace(
    http: httpx.Client,
    trace_id: str,
    wrong: Callable[[Sequence[Span]], list[str]],
    deadline_s: float = TRACE_DEADLINE_S,
) -> Sequence[Span]:
    """Polls Jaeger until nothing is wrong with a trace.

    Raises:
        CommandError: It did not become complete before the deadline; the message says what is missing.
    """
    seen: Sequence[Span] = ()

    def whole() -> Sequence[Span] | None:
        nonlocal seen
        seen = traces.fetch(http, JAEGER.url, trace_id)
        return seen if seen and not wrong(seen) else None

    def failure() -> str:
        what = "; ".join(wrong(seen)) if seen else "did not arrive"
        return f"{JAEGER.url}: trace {trace_id}: {what}"

    return waiting.wait(whole, deadline_s, failure, remedies.of_collector())
