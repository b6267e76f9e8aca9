"""The first step of the smoke check: one request, its trace in Jaeger, its metric in Prometheus."""

from __future__ import annotations

import secrets
import ssl
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

import httpx

from otel_mesh_cli.core import embedded, waiting
from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.oncall import traces
from otel_mesh_cli.oncall.call_tree import CallTree
from otel_mesh_cli.oncall.picture import picture
from otel_mesh_cli.smoke import arrival, expected, measured, remedies
from otel_mesh_cli.stacks import local_stack
from otel_mesh_cli.stacks.addresses import ADDRESSES, ALERTS, COLUMN, GATEWAY, JAEGER, LOGS, PROMETHEUS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from otel_mesh_cli.oncall.traces import Span
    from otel_mesh_cli.smoke.expected import Branch
    from otel_mesh_cli.stacks.addresses import Address
    from otel_mesh_cli.stacks.local_stack import Proxies

PATH = "/api/users/123"
ROUTE = "/api/users/{id}"
"""Path of the request, and the route it is counted under."""

SERVICES = ("api-gateway", "user-service")
"""Services that the request goes through, as the catalog declares."""

STORING = frozenset({"user-service"})
"""Services that must have called a store."""

K8S_ATTRIBUTES = ("k8s.namespace.name", "k8s.pod.name", "k8s.pod.uid", "k8s.node.name", "k8s.deployment.name")
"""Resource attributes of every span of a service."""

ANSWER_DEADLINE_S = 90.0
"""After a stop, pods come back in any order; one that misses another at its start waits out a back-off."""
METRIC_DEADLINE_S = 60.0

_OF_ROUTE = f'{{service_name="{SERVICES[0]}",http_route="{ROUTE}"}}'
HISTOGRAM = f"http_server_request_duration_seconds_bucket{_OF_ROUTE}"
COUNTED = f"sum(http_server_request_duration_seconds_count{_OF_ROUTE})"
"""Durations of the requests to the route, and their number."""

UNSAMPLED = {"traceparent": f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-00"}
"""Headers of requests that only ask whether a service answers: a gateway would begin a trace for each."""


@dataclass(frozen=True)
class Sent:
    """A request that was answered; its telemetry is on its way."""

    trace_id: str
    """32 hexadecimal digits."""
    since: float
    """Seconds since the epoch, before the request was sent."""


@dataclass(frozen=True)
class Result:
    """What the request left behind."""

    trace_id: str
    """32 hexadecimal digits."""
    spans: Sequence[Span]
    """Spans of the trace."""
    requests: float
    """Requests to the route that Prometheus has counted, over all pods of the last minutes."""
    page: str | None
    """URL of the trace's page in Jaeger."""


def show(result: Result, console: Console) -> None:
    """Prints the trace as a tree, and where to look further."""
    console.print(picture(CallTree(result.spans)))
    console.print(f"requests of GET {ROUTE} counted by Prometheus: {result.requests:g}")
    console.print(f"  {GATEWAY.name:<{COLUMN}}{GATEWAY.url}{PATH}", highlight=False)
    show_trace(result.trace_id, result.page, console)
    console.print(f"  {PROMETHEUS.name:<{COLUMN}}{PROMETHEUS.url}/", highlight=False)
    console.print(f"  {ALERTS.name:<{COLUMN}}{ALERTS.url}/api/v2/alerts", highlight=False)
    console.print(f"  {LOGS.name:<{COLUMN}}{LOGS.page}", highlight=False)


def show_trace(trace_id: str, page: str | None, console: Console) -> None:
    """Prints where to see a trace again: its page, or the command that shows it with its logs."""
    place = f"{JAEGER.name:<{COLUMN}}{page}" if page else f"{'trace':<{COLUMN}}otel-mesh trace {trace_id}"
    console.print(f"  {place}", highlight=False)


def client() -> httpx.Client:
    """A client for the loopback addresses: it trusts the gateway's own authority, and uses no proxy."""
    trusted = embedded.local().gateway_authority()
    verify = ssl.create_default_context(cafile=trusted) if trusted.exists() else True
    return httpx.Client(timeout=15.0, trust_env=False, verify=verify)


def run() -> Result:
    """Sends the request and waits for everything that must follow from it.

    Raises:
        CommandError: The request failed, or its trace or metric did not arrive; the message names what is missing.
    """
    with client() as http:
        wait_for_addresses(http)
        return finish(http, send(http))


def wait_for_addresses(http: httpx.Client) -> None:
    """Waits until every loopback address answers: while a pod is replaced, its connections end first.

    Raises:
        CommandError: One does not.
    """
    for address in ADDRESSES:
        _wait_for(http, address)


def _wait_for(http: httpx.Client, address: Address) -> None:
    url, place = f"{address.url}{address.ready_path}", address.place
    waiting.wait(
        lambda: http.get(url, headers=UNSAMPLED).status_code == HTTPStatus.OK or None,
        ANSWER_DEADLINE_S,
        lambda: f"{url}: {address.name} does not answer",
        remedies.of(place.namespace, place.name),
    )


def send(http: httpx.Client) -> Sent:
    """Sends the request, again until it is answered.

    Raises:
        CommandError: It is not.
    """
    since = time.time()
    trace_id = waiting.wait(
        lambda: request(http), ANSWER_DEADLINE_S, lambda: "no answer from the services", remedies.of_service()
    )
    return Sent(trace_id, since)


def finish(http: httpx.Client, sent: Sent) -> Result:
    """Waits for the trace and the metric of the request.

    Raises:
        CommandError: One of them did not arrive; the message names what is missing.
    """
    trace_id, spans = arrival.traced(http, sent.trace_id, lambda: send(http).trace_id, problems)
    place = PROMETHEUS.place
    waiting.wait(
        lambda: trace_id in measured.exemplars(http, HISTOGRAM, sent.since) or None,
        METRIC_DEADLINE_S,
        lambda: f"{PROMETHEUS.url}: no exemplar of trace {trace_id} in {HISTOGRAM}",
        remedies.of(place.namespace, place.name),
    )
    return Result(trace_id, spans, measured.query(http, COUNTED), traces.page(http, JAEGER.url, trace_id))


def request(http: httpx.Client, path: str = PATH, expect: int = HTTPStatus.OK) -> str:
    """Sends one sampled request through the gateway and returns its trace id (32 hexadecimal digits).

    Raises:
        CommandError: The gateway did not answer, or not with the expected status.
    """
    trace_id = secrets.token_hex(16)
    traceparent = f"00-{trace_id}-{secrets.token_hex(8)}-01"
    try:
        response = http.get(f"{GATEWAY.url}{path}", headers={"traceparent": traceparent})
    except httpx.HTTPError as error:
        raise CommandError(f"{GATEWAY.url}{path}: {error}", remedy="see `otel-mesh status`") from error
    if response.status_code != expect:
        raise CommandError(
            f"{GATEWAY.url}{path}: answered {response.status_code}, not {expect}: {response.text[:200]}",
            remedy=remedies.of_service(),
        )
    return trace_id


def tree(proxies: Proxies) -> Branch:
    """The trace of the request, without calls to stores.

    Args:
        proxies: Proxies that make spans.
    """
    first, second = SERVICES
    callee = expected.served(second, proxies)
    return expected.entered(expected.served(first, proxies, expected.call(first, callee, proxies)), proxies)


def problems(spans: Sequence[Span]) -> list[str]:
    """What is wrong with the trace of the request on stack ``local``, in words; empty if nothing is."""
    return problems_in(spans, local_stack.proxies())


def problems_in(spans: Sequence[Span], proxies: Proxies) -> list[str]:
    """What is wrong with the trace of the request, in words; empty if nothing is.

    Args:
        spans: Spans of the trace.
        proxies: Proxies that make spans.
    """
    found = expected.problems(spans, tree(proxies), STORING)
    for span in spans:
        absent = [key for key in K8S_ATTRIBUTES if key not in span.resource]
        if absent:
            found.append(f"missing {', '.join(absent)} on {span.service} {span.name}")
    return found
