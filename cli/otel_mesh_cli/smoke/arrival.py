"""Waiting until the trace of a request has arrived in Jaeger, complete."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from otel_mesh_cli.core import embedded, waiting
from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.oncall import traces
from otel_mesh_cli.smoke import remedies
from otel_mesh_cli.stacks import local_stack
from otel_mesh_cli.stacks.addresses import JAEGER

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import httpx

    from otel_mesh_cli.oncall.traces import Span

TRACE_DEADLINE_S = 60.0
_LOST_AFTER_S = 10.0
"""Time after which a span that has not arrived is taken for lost: three times what services and Collector batch.

The batches of the mesh's proxies come on top of both.
"""
_TRIES, _SETTLING_S = 5, 2.0
"""Proxies learn some time after Kubernetes that a pod is ready; until then they answer for it."""


def traced(
    http: httpx.Client, trace_id: str, send_again: Callable[[], str], wrong: Callable[[Sequence[Span]], list[str]]
) -> tuple[str, Sequence[Span]]:
    """Waits for a request's trace; sends another request where one after a restart of pods says nothing yet.

    That is where a proxy retried it, and where spans were lost: proxies and services drop what they cannot export
    while the Collector is still starting, or while they do not know its new address. Lost spans are reported on
    standard error. From the second request on it is not sent again where something is wrong with the environment.

    Args:
        http: The client.
        trace_id: Trace of the request.
        send_again: Sends another one and returns its trace id.
        wrong: What is wrong with a trace, in words.

    Raises:
        CommandError: No trace became complete before the deadline, or every request was retried.
    """
    batch_s = local_stack.proxies().batch_s
    end = time.monotonic() + TRACE_DEADLINE_S + _TRIES * batch_s
    for attempt in range(_TRIES):
        is_last = attempt == _TRIES - 1
        left = end - time.monotonic()
        try:
            spans = wait_for_trace(
                http,
                trace_id,
                lambda seen: [] if traces.repeated(seen) else wrong(seen),
                left if is_last else min(_LOST_AFTER_S + batch_s, left),
            )
        except CommandError as error:
            # once, as a pod may just be restarting; what stays wrong no request mends
            if is_last or time.monotonic() >= end or (attempt and embedded.local().explained(error) is not error):
                raise
            print(f"otel-mesh: {error.message}; sending the request again", file=sys.stderr, flush=True)
        else:
            if not traces.repeated(spans):
                return trace_id, spans
            if not is_last:
                time.sleep(_SETTLING_S)
        if not is_last:
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
