"""The first step of the check that `make up` ends with: one request, its trace in Jaeger, its metric in Prometheus."""

from __future__ import annotations

import secrets
import ssl
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

import httpx

from otel_mesh_cli.core import waiting
from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.oncall import traces
from otel_mesh_cli.smoke import expected, measured
from otel_mesh_cli.stacks.addresses import ADDRESSES, COLUMN, GATEWAY, JAEGER, LOGS, PROMETHEUS
from otel_mesh_cli.stacks.stack_mesh import stack_mesh
from otel_mesh_embedded.environment import gateway_certificate

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.console import Console

    from otel_mesh_cli.oncall.traces import Span
    from otel_mesh_cli.stacks.addresses import Address
    from otel_mesh_cli.stacks.stack_mesh import StackMesh

PATH = "/api/users/123"
ROUTE = "/api/users/{id}"
"""The request of the demonstration and the route it is counted under."""

SERVICES = ("api-gateway", "user-service")
"""The services that the request goes through, as the catalogue declares."""

K8S_ATTRIBUTES = ("k8s.namespace.name", "k8s.pod.name", "k8s.pod.uid", "k8s.node.name", "k8s.deployment.name")
"""What every span of a service carries about where it ran."""

_LOOK_AT_SERVICES = "see `make status` and `kubectl -n shop logs deploy/api-gateway`"
_LOOK_AT_TRACES = "see `make status` and `kubectl -n observability logs deploy/otel-collector`"
_LOOK_AT_METRICS = "see `make status` and `kubectl -n observability logs deploy/prometheus`"
"""What to do when something did not come; `health.explained` says more where it knows the cause."""

ANSWER_DEADLINE_S = 90.0
"""After a stop, pods come back in any order; one that misses another at its start waits out a back-off."""
TRACE_DEADLINE_S = 60.0
METRIC_DEADLINE_S = 60.0

_OF_ROUTE = f'{{service_name="api-gateway",http_route="{ROUTE}"}}'
HISTOGRAM = f"http_server_request_duration_seconds_bucket{_OF_ROUTE}"
COUNTED = f"sum(http_server_request_duration_seconds_count{_OF_ROUTE})"
"""How long the demonstration's requests took, and how many they were."""

_TRIES, _SETTLING_S = 5, 2.0
"""Proxies learn of a pod that is ready some time after Kubernetes says so; until then they answer for it."""
UNSAMPLED = {"traceparent": f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-00"}
"""For requests that only ask whether somebody answers: a gateway would begin a trace for each."""


@dataclass(frozen=True)
class Result:
    """What the smoke check saw."""

    trace_id: str
    spans: Sequence[Span]
    requests: float
    """Requests to the route that Prometheus has counted, over all pods of the last minutes."""
    page: str | None
    """Of the trace in Jaeger."""


def show(result: Result, console: Console) -> None:
    """Print the trace as a tree, and where to look further."""
    console.print(traces.tree(result.spans))
    console.print(f"requests of GET {ROUTE} counted by Prometheus: {result.requests:g}")
    console.print(f"  {GATEWAY.name:<{COLUMN}}{GATEWAY.url}{PATH}", highlight=False)
    show_trace(result.trace_id, result.page, console)
    console.print(f"  {PROMETHEUS.name:<{COLUMN}}{PROMETHEUS.url}/", highlight=False)
    console.print(f"  {LOGS.name:<{COLUMN}}{LOGS.page}", highlight=False)


def show_trace(trace_id: str, page: str | None, console: Console) -> None:
    """Print where to see a trace again: its page, or without one the command that shows it with its logs."""
    place = f"{JAEGER.name:<{COLUMN}}{page}" if page else f"{'trace':<{COLUMN}}make trace ID={trace_id}"
    console.print(f"  {place}", highlight=False)


def client() -> httpx.Client:
    """A client for the loopback addresses: it trusts the gateway's own authority, and asks no proxy for them."""
    trusted = gateway_certificate.authority()
    verify = ssl.create_default_context(cafile=trusted) if trusted.exists() else True
    return httpx.Client(timeout=15.0, trust_env=False, verify=verify)


def run() -> Result:
    """Send the request and wait for everything that must follow from it.

    Raises:
        CommandError: the request failed, or its trace or metric did not arrive; it names what is missing.
    """
    with client() as http:
        for address in ADDRESSES:
            _wait_for_answer(http, address)
        started = time.time()
        trace_id, spans = traced(
            http,
            lambda: waiting.wait(
                lambda: request(http), ANSWER_DEADLINE_S, lambda: "no answer from the services", _LOOK_AT_SERVICES
            ),
            missing,
        )
        waiting.wait(
            lambda: trace_id in measured.exemplars(http, HISTOGRAM, started) or None,
            METRIC_DEADLINE_S,
            lambda: f"{PROMETHEUS.url}: no exemplar of trace {trace_id} in {HISTOGRAM}",
            _LOOK_AT_METRICS,
        )
        counted = measured.query(http, COUNTED)
        return Result(trace_id, spans, counted, traces.page(http, JAEGER.url, trace_id))


def request(http: httpx.Client, path: str = PATH, expect: int = HTTPStatus.OK) -> str:
    """Send one sampled request through the gateway and return its trace id (32 hexadecimal digits).

    Raises:
        CommandError: the gateway did not answer, or not with the status expected.
    """
    trace_id = secrets.token_hex(16)
    traceparent = f"00-{trace_id}-{secrets.token_hex(8)}-01"
    try:
        response = http.get(f"{GATEWAY.url}{path}", headers={"traceparent": traceparent})
    except httpx.HTTPError as error:
        raise CommandError(f"{GATEWAY.url}{path}: {error}", remedy="see `make status`") from error
    if response.status_code != expect:
        raise CommandError(
            f"{GATEWAY.url}{path}: answered {response.status_code}, not {expect}: {response.text[:200]}",
            remedy=_LOOK_AT_SERVICES,
        )
    return trace_id


def _wait_for_answer(http: httpx.Client, address: Address) -> None:
    """Wait out the moment in which a pod's connections end although its successor serves already."""
    waiting.wait(
        # unsampled: waiting is no traffic that anybody wants to see
        lambda: http.get(f"{address.url}{address.ready_path}", headers=UNSAMPLED).status_code == HTTPStatus.OK or None,
        ANSWER_DEADLINE_S,
        lambda: f"{address.url}{address.ready_path}: {address.name} does not answer",
        f"see `make status` and `kubectl -n {address.namespace} logs deploy/{address.service}`",
    )


NO_DATABASE = "a database span"
"""What `missing` says of a trace without a call to any store."""


def missing(spans: Sequence[Span], mesh: StackMesh | None = None) -> list[str]:
    """What the trace of the demonstration still lacks, in words; nothing when it is exactly what it has to be.

    Args:
        spans: of the trace.
        mesh: whose proxies make spans too; by default the stack's.
    """
    lacks = expected.differences(spans, expected.hops(SERVICES, mesh or stack_mesh()))
    if not any(span.is_database for span in spans):
        lacks.append(NO_DATABASE)
    for span in spans:
        absent = [key for key in K8S_ATTRIBUTES if key not in span.resource]
        if absent:
            lacks.append(f"{', '.join(absent)} on {span.service} {span.name}")
    return lacks


def traced(
    http: httpx.Client, send: Callable[[], str], lacks: Callable[[Sequence[Span]], list[str]]
) -> tuple[str, Sequence[Span]]:
    """Send a request and wait for its trace; another one where a proxy had to repeat it, as after a restart of pods.

    Args:
        http: the client.
        send: sends a request and returns its trace id.
        lacks: what a trace lacks.

    Raises:
        CommandError: the trace did not become whole, or every request was repeated.
    """
    trace_id = ""
    for _ in range(_TRIES):
        trace_id = send()
        spans = wait_for_trace(http, trace_id, lambda seen: [] if traces.repeated(seen) else lacks(seen))
        if not traces.repeated(spans):
            return trace_id, spans
        time.sleep(_SETTLING_S)
    raise CommandError(
        f"{JAEGER.url}: the mesh's proxies had to repeat {_TRIES} of {_TRIES} requests, the last in trace {trace_id}",
        remedy=_LOOK_AT_SERVICES,
    )


def wait_for_trace(
    http: httpx.Client,
    trace_id: str,
    lacks: Callable[[Sequence[Span]], list[str]],
    deadline_s: float = TRACE_DEADLINE_S,
) -> Sequence[Span]:
    """Poll Jaeger until the trace lacks nothing.

    Raises:
        CommandError: it did not become whole before the deadline; the message says what is missing.
    """
    seen: Sequence[Span] = ()

    def whole() -> Sequence[Span] | None:
        nonlocal seen
        seen = traces.fetch(http, JAEGER.url, trace_id)
        return seen if seen and not lacks(seen) else None

    return waiting.wait(
        whole,
        deadline_s,
        lambda: (
            f"{JAEGER.url}: trace {trace_id} lacks {'; '.join(lacks(seen))}"
            if seen
            else f"{JAEGER.url}: trace {trace_id} did not arrive"
        ),
        _LOOK_AT_TRACES,
    )
