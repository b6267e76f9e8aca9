"""S1.10 on the real mesh: an experiment variant is the same in all services, and the mesh's route marks a canary."""

from __future__ import annotations

import json
import secrets
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import pytest

from otel_mesh_cli.smoke import arrival, request
from otel_mesh_cli.smoke.order import ORDER, PATH
from otel_mesh_cli.stacks.addresses import GATEWAY
from otel_mesh_telemetry.ab_testing import Experiment
from tests.e2e.counters import growth
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import httpx

    from otel_mesh_cli.oncall.traces import Span
    from tests.e2e.counters import Growth

pytestmark = pytest.mark.e2e

EXPERIMENT = Experiment("order-patience")
"""The share of stack local: one half."""
USERS = {EXPERIMENT.assign(str(user)): str(user) for user in range(50)}
VERSION, WEIGHT = "2.0.0-canary", 10
COUNT = "shop_checkout_duration_seconds_count"


def _placed(http: httpx.Client, **headers: str) -> str:
    """Place a paid order; returns its trace id."""
    trace_id = secrets.token_hex(16)
    traced = {"traceparent": f"00-{trace_id}-{secrets.token_hex(8)}-01", "idempotency-key": trace_id}
    answer = http.post(f"{GATEWAY.url}{PATH}", json=dict(ORDER), headers={**traced, **headers}, timeout=60)
    assert answer.status_code == HTTPStatus.CREATED, answer.text
    return trace_id


def _served(spans: Sequence[Span], service: str) -> list[Span]:
    return [one for one in spans if one.service == service and one.kind == "server" and one.proxy is None]


def _counted(growing: Growth) -> None:
    wait_for(
        lambda: growing.now() > 0,
        lambda: f"{growing}: not above, but {growing.found()}",
        patience_s=request.METRIC_DEADLINE_S,
        every_s=0.5,
    )


@pytest.mark.parametrize("variant", sorted(EXPERIMENT.weights))
def test_a_buyer_gets_one_variant_in_every_service_and_is_counted_under_it(http: httpx.Client, variant: str) -> None:
    growing = growth(http, f'{COUNT}{{feature_flag_result_variant="{variant}",order_outcome="paid"}}')
    trace_id = _placed(http, **{"x-user-id": USERS[variant]})

    def lacks(spans: Sequence[Span]) -> list[str]:
        return [
            f"the variant at {service}"
            for service in ("api-gateway", "order-service")
            if [one.tags.get("feature_flag.result.variant") for one in _served(spans, service)] != [variant]
        ]

    spans = arrival.wait_for_trace(http, trace_id, lacks)
    assert {one.tags["feature_flag.key"] for one in _served(spans, "order-service")} == {EXPERIMENT.name}
    _counted(growing)


@pytest.fixture(scope="module")
def canary(kubectl: Callable[..., str]) -> Iterator[str]:
    """A host of the gateway with a route that marks requests as canary requests."""
    host = "canary.example"
    marked = {"request": {"set": {"x-trace-version": VERSION, "x-traffic-weight": str(WEIGHT)}}}
    to = {"destination": {"host": "api-gateway.shop.svc.cluster.local", "port": {"number": 8080}}, "headers": marked}
    route = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": "e2e-canary", "namespace": "istio-ingress"},
        "spec": {"hosts": [host], "gateways": ["istio-ingress/ingress"], "http": [{"route": [to]}]},
    }
    try:
        kubectl("apply", "-f", "-", input=json.dumps(route))
        yield host
    finally:
        kubectl("delete", "-f", "-", "--ignore-not-found", input=json.dumps(route))


def _canary_of(http: httpx.Client, trace_id: str) -> dict[str, Any]:
    """The canary attributes of api-gateway's span."""

    def lacks(spans: Sequence[Span]) -> list[str]:
        return [] if _served(spans, "api-gateway") else ["api-gateway's span"]

    (span,) = _served(arrival.wait_for_trace(http, trace_id, lacks), "api-gateway")
    return {key: value for key, value in span.tags.items() if key.startswith("otel_mesh.canary.")}


def test_the_route_chooses_the_canary_and_a_client_cannot(http: httpx.Client, canary: str) -> None:
    growing = growth(http, f'{COUNT}{{otel_mesh_canary_routed="true"}}')
    forged = {"x-trace-version": "forged", "x-traffic-weight": "99"}
    assert _canary_of(http, _placed(http, **forged)) == {}
    marked = {"otel_mesh.canary.version": VERSION, "otel_mesh.canary.weight": WEIGHT}
    end = time.monotonic() + 60  # until the gateway knows the route
    while (told := _canary_of(http, _placed(http, host=canary, **forged))) != marked:
        assert time.monotonic() < end, told
    _counted(growing)
