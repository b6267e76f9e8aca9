"""S2.8, S2.9, S2.6 on the running environment: orders through the gateway, four services and their databases."""

from __future__ import annotations

import secrets
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import pytest

from otel_mesh_cli.smoke import arrival, measured, order, request
from otel_mesh_cli.stacks.addresses import GATEWAY
from tests.e2e.counters import growth
from tests.e2e.orders import DEADLINE_S, rows
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import httpx

    from otel_mesh_cli.oncall.traces import Span
    from tests.e2e.counters import Growth

pytestmark = pytest.mark.e2e

URL = f"{GATEWAY.url}{order.PATH}"


def post(http: httpx.Client, headers: dict[str, str] | None = None, **changes: Any) -> httpx.Response:  # noqa: ANN401
    return http.post(URL, json={**order.ORDER, **changes}, headers=headers or {}, timeout=60)


def traced() -> tuple[str, dict[str, str]]:
    trace_id = secrets.token_hex(16)
    return trace_id, {"traceparent": f"00-{trace_id}-{secrets.token_hex(8)}-01"}


def counted(growing: Growth) -> None:
    wait_for(
        lambda: growing.now() >= 1,
        lambda: f"{growing.counters}: not above {growing.before}",
        patience_s=request.METRIC_DEADLINE_S,
        every_s=0.5,
    )


def test_s2_3_the_order_of_the_seed_is_one_trace_and_costs_109_97(kubectl: Callable[..., str]) -> None:
    result = order.run()
    steps = {span.name: span for span in result.spans if span.kind == "internal"}
    assert steps["create order"].tags["order.id"] == result.order_id
    assert steps["take payment"].tags["payment.outcome"] == "captured"
    found = f"SELECT status, total FROM orders WHERE id = {result.order_id}"  # noqa: S608 -- a number of ours
    assert rows(kubectl, "order_service", found) == [["paid", "10997"]]
    moved = f"SELECT kind, m.amount FROM movements m JOIN payments p ON p.id = payment_id WHERE order_id = {result.order_id}"  # noqa: S608, E501 -- the same
    assert rows(kubectl, "payment_service", moved) == [["charge", "10997"]]


def test_s2_6_orders_and_payments_are_counted_by_outcome(http: httpx.Client) -> None:
    declined = growth(http, 'shop_payments_total{service_name="payment-service",payment_outcome="declined"}')
    failed = growth(http, 'shop_orders_total{service_name="order-service",order_outcome="payment_failed"}')
    answer = post(http, payment_method="pm_demo_declined")
    assert answer.status_code == HTTPStatus.PAYMENT_REQUIRED
    assert answer.json()["detail"] == "the payment was declined"
    counted(declined)
    counted(failed)
    errors = (
        'sum(http_server_request_duration_seconds_count{http_response_status_code="402",error_type!=""}) or vector(0)'
    )
    assert measured.query(http, errors) == 0, "a decline is no error"


def test_s2_9_a_repeated_idempotency_key_creates_one_order(http: httpx.Client) -> None:
    key = {"idempotency-key": secrets.token_hex(8)}
    first, second = post(http, key), post(http, key)
    assert (first.status_code, second.status_code) == (HTTPStatus.CREATED, HTTPStatus.CREATED)
    assert first.json() == second.json()
    other = [{"product_id": 2, "quantity": 1, "price": "49.99"}]
    assert post(http, key, items=other).status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    of_another_buyer = post(http, key, user_id=1)
    assert of_another_buyer.status_code == HTTPStatus.CREATED
    assert of_another_buyer.json()["order_id"] != first.json()["order_id"]


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"user_id": "123"}, HTTPStatus.UNPROCESSABLE_ENTITY),
        ({"items": []}, HTTPStatus.UNPROCESSABLE_ENTITY),
        ({"items": [{"product_id": 1, "quantity": 1, "price": "0.01"}]}, HTTPStatus.UNPROCESSABLE_ENTITY),
        ({"items": [{"product_id": 1, "quantity": 1, "price": 29.99}]}, HTTPStatus.UNPROCESSABLE_ENTITY),
        ({"items": [{"product_id": 10**9, "quantity": 1}]}, HTTPStatus.UNPROCESSABLE_ENTITY),
        ({"user_id": 10**9}, HTTPStatus.NOT_FOUND),
    ],
)
def test_s2_8_an_invalid_order_is_refused(http: httpx.Client, changes: dict[str, Any], status: HTTPStatus) -> None:
    answer = post(http, **changes)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


def test_s1_12_a_payment_timeout_is_answered_in_time_and_the_trace_names_the_culprit(http: httpx.Client) -> None:
    trace_id, headers = traced()
    began = time.monotonic()
    answer = post(http, headers, payment_method="pm_demo_stalled")
    assert time.monotonic() - began < DEADLINE_S
    assert answer.status_code == HTTPStatus.GATEWAY_TIMEOUT
    assert "payment-service" in answer.json()["detail"]
    assert answer.json()["order_id"] > 0

    def lacks(spans: Sequence[Span]) -> list[str]:
        late = [span for span in spans if span.service == "order-service" and span.kind == "client" and span.failed]
        return [] if any(span.tags.get("service.peer.name") == "payment-service" for span in late) else ["the call"]

    arrival.wait_for_trace(http, trace_id, lacks)
