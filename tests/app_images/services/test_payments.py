"""payment-service as a process, on a real PostgreSQL: a payment is taken once and given back once."""

from __future__ import annotations

import itertools
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from payment_service.methods import METHODS, Method, method
from tests.app_images.services.service_process import ServiceProcess

if TYPE_CHECKING:
    from pathlib import Path

    from tests.app_images.services.postgres_server import PostgresServer
    from tests.app_images.services.shop import Shop
    from tests.app_images.telemetry.otlp_receiver import Receiver

    Pair = tuple[Shop, Receiver]

ORDERS = itertools.count(10**6)
"""Ids that no order of the other tests has."""


def post(shop: Pair, path: str, key: str | None, **body: Any) -> httpx.Response:  # noqa: ANN401
    url = shop[0].running["payment_service"].url + path
    return httpx.post(url, json=body, headers={} if key is None else {"idempotency-key": key}, timeout=30)


def pay(shop: Pair, order_id: int, key: str, **changes: Any) -> httpx.Response:  # noqa: ANN401
    wanted = {"order_id": order_id, "amount": 1234, "payment_method": "pm_demo_approved", **changes}
    return post(shop, "/payments", key, **wanted)


def moved(shop: Pair, order_id: int) -> list[tuple[Any, ...]]:
    query = "SELECT kind, m.amount FROM movements m JOIN payments p ON p.id = payment_id WHERE order_id = %s ORDER BY 1"
    return shop[0].rows("payment_service", query, order_id)


def test_s2_9_a_payment_is_taken_once_however_often_it_is_asked_for(shop: Pair) -> None:
    order_id, key = next(ORDERS), str(uuid.uuid4())
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: pay(shop, order_id, key), range(6)))
    assert {answer.status_code for answer in answers} <= {201, 503}, "busy at most"
    answer = pay(shop, order_id, key)
    assert answer.status_code == 201
    told = {"payment_id": answer.json()["payment_id"], "order_id": order_id, "payment_status": "captured"}
    assert answer.json() == told
    assert answer.headers["location"] == f"/payments/{told['payment_id']}"
    assert moved(shop, order_id) == [("charge", 1234)]


def test_s2_9_another_payment_under_the_same_key_or_for_the_same_order_is_refused(shop: Pair) -> None:
    order_id, key = next(ORDERS), str(uuid.uuid4())
    assert pay(shop, order_id, key).status_code == 201
    assert pay(shop, order_id, key, amount=1).status_code == 422
    assert pay(shop, next(ORDERS), key).status_code == 422
    assert pay(shop, order_id, str(uuid.uuid4())).status_code == 409
    assert post(shop, "/cancellations", str(uuid.uuid4()), order_id=order_id).status_code == 409
    assert moved(shop, order_id) == [("charge", 1234)]


def test_s2_9_what_was_taken_is_given_back_once(shop: Pair) -> None:
    order_id, key = next(ORDERS), str(uuid.uuid4())
    assert pay(shop, order_id, key).status_code == 201
    for _ in range(2):
        answer = post(shop, "/cancellations", key, order_id=order_id)
        assert (answer.status_code, answer.json()["payment_status"]) == (200, "refunded")
    late = pay(shop, order_id, key)
    assert (late.status_code, late.json()["payment_status"]) == (409, "refunded")
    assert moved(shop, order_id) == [("charge", 1234), ("refund", 1234)]


def test_s2_9_what_was_cancelled_before_it_came_is_never_taken(shop: Pair) -> None:
    order_id, key = next(ORDERS), str(uuid.uuid4())
    for _ in range(2):
        answer = post(shop, "/cancellations", key, order_id=order_id)
        assert (answer.status_code, answer.json()["payment_status"]) == (200, "voided")
    late = pay(shop, order_id, key)
    assert (late.status_code, late.json()["payment_status"]) == (409, "voided")
    assert moved(shop, order_id) == []


def test_s2_9_a_payment_that_is_slow_and_cancelled_meanwhile_is_not_taken(shop: Pair) -> None:
    order_id, key = next(ORDERS), str(uuid.uuid4())
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(pay, shop, order_id, key, payment_method="pm_demo_slow")
        assert post(shop, "/cancellations", key, order_id=order_id).status_code == 200
    assert slow.result().json()["payment_status"] in ("voided", "refunded")
    kinds = [kind for kind, _ in moved(shop, order_id)]
    assert kinds in ([], ["charge", "refund"])


def test_s2_9_a_declined_payment_stays_declined_and_takes_nothing(shop: Pair) -> None:
    order_id, key = next(ORDERS), str(uuid.uuid4())
    for _ in range(2):
        answer = pay(shop, order_id, key, payment_method="pm_demo_declined")
        assert (answer.status_code, answer.json()["payment_status"]) == (402, "declined")
        assert answer.headers["content-type"] == "application/problem+json"
    assert post(shop, "/cancellations", key, order_id=order_id).json()["payment_status"] == "declined"
    assert moved(shop, order_id) == []


@pytest.mark.parametrize(
    ("key", "changes", "status"),
    [
        (None, {}, 400),
        ("k", {"amount": 0}, 422),
        ("k", {"amount": 1.5}, 422),
        ("k", {"payment_method": "4111111111111111"}, 422),
        ("k", {"currency": "EUR"}, 422),
    ],
)
def test_s2_9_what_is_no_payment_is_refused(shop: Pair, key: str | None, changes: dict[str, Any], status: int) -> None:
    order_id = next(ORDERS)
    wanted = {"order_id": order_id, "amount": 1, "payment_method": "pm_demo_approved", **changes}
    assert post(shop, "/payments", key, **wanted).status_code == status
    assert moved(shop, order_id) == []


def test_s2_9_methods_of_the_demonstration_are_bounded_and_none_is_known_without_it() -> None:
    assert all(0 <= how.delay <= 30 for how in METHODS.values())
    assert method("pm_demo_slow", demonstration=True).delay == 2
    assert not method("pm_demo_approved", demonstration=True).declined
    for token in METHODS:
        assert method(token, demonstration=False) == Method(declined=True)


def test_nobody_gets_anything_for_nothing_unless_a_stack_says_so(postgres: PostgresServer, tmp_path: Path) -> None:
    """As a process without the switch."""
    settings = {**postgres.environment(postgres.new_database("payment_service")), "OTEL_SDK_DISABLED": "true"}
    with ServiceProcess("payment_service", settings, tmp_path) as service:
        service.wait_ready()
        wanted = {"order_id": 1, "amount": 1, "payment_method": "pm_demo_approved"}
        answer = httpx.post(f"{service.url}/payments", json=wanted, headers={"idempotency-key": "k"}, timeout=30)
        assert (answer.status_code, answer.json()["payment_status"]) == (402, "declined")
        assert [line["level"] for line in service.lines() if "every payment is declined" in line["message"]]
