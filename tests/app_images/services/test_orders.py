"""Orders through all four services as processes, on a real PostgreSQL."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.app_images.services.service_process import PATIENCE_S
from tests.app_images.services.shop import ORDER, Shop
from tests.app_images.telemetry.otlp_receiver import Receiver, plain
from tests.waiting import wait_for

if TYPE_CHECKING:
    from tests.app_images.services.postgres_server import PostgresServer

Pair = tuple[Shop, Receiver]


NO_PRICE = 'Value error, must be text with two decimals, such as "29.99"'
NO_PRICES = (29.99, 2999, "29.999", "29.9", "-1.00", "1e3", "+29.99", " 29.99", "029.99", "NaN", "29,99", "٢٩.٩٩")


def order(**changes: Any) -> dict[str, Any]:  # noqa: ANN401
    return {**ORDER, **changes}


def item(**changes: Any) -> dict[str, Any]:  # noqa: ANN401
    return {"product_id": 1, "quantity": 1, **changes}


def counted(receiver: Receiver, metric: str, attribute: str) -> dict[str, int]:
    """Value of the attribute -> the newest count of a sum, over all processes."""
    newest: dict[tuple[str, str], int] = {}
    for about, found in receiver.metrics:
        if found.name == metric:
            for point in found.sum.data_points:
                newest[about["service.instance.id"], plain(point.attributes)[attribute]] = point.as_int
    counts: dict[str, int] = {}
    for (_, value), count in newest.items():
        counts[value] = counts.get(value, 0) + count
    return counts


def test_s2_8_the_seed_s_order_costs_109_97_and_is_one_trace_through_four_services(shop: Pair) -> None:
    running, receiver = shop
    trace_id = uuid.uuid4().hex
    answer = running.post(ORDER, headers={"traceparent": f"00-{trace_id}-00000000000000aa-01"})
    assert answer.status_code == 201, answer.text
    assert answer.json() == {"order_id": answer.json()["order_id"], "status": "paid"}
    order_id = answer.json()["order_id"]
    rows = running.rows("order_service", "SELECT status, total, user_id FROM orders WHERE id = %s", order_id)
    assert rows == [("paid", 10997, 123)]
    moved = "SELECT kind, m.amount FROM movements m JOIN payments p ON p.id = payment_id WHERE order_id = %s"
    assert running.rows("payment_service", moved, order_id) == [("charge", 10997)]

    def spans() -> dict[str, Any]:
        found = [(about, span) for about, span in receiver.spans if span.trace_id.hex() == trace_id]
        return {f"{about['service.name']}: {span.name}": span for about, span in found}

    line = [
        "api-gateway: POST /api/orders",
        "api-gateway: create order",
        "api-gateway: POST /orders",
        "order-service: POST /orders",
        "order-service: take payment",
        "order-service: POST /payments",
        "payment-service: POST /payments",
        "payment-service: INSERT payments",
    ]
    aside = {"api-gateway: validate user": line[0], "order-service: INSERT orders": line[3]}
    aside["payment-service: INSERT movements"] = line[6]
    receiver.wait_for(lambda: {*line, *aside, "user-service: SELECT users"} <= spans().keys())
    found = spans()
    for name, parent in [*zip(line[1:], line, strict=False), *aside.items()]:
        assert found[name].parent_span_id == found[parent].span_id, name
    for name in (line[1], line[3], line[4], line[6]):
        assert plain(found[name].attributes)["order.id"] == order_id, name
    assert plain(found["order-service: take payment"].attributes)["payment.outcome"] == "captured"
    client = plain(found["order-service: POST /payments"].attributes)
    assert client["service.peer.name"] == "payment-service"


def test_s2_9_an_order_can_be_looked_at(shop: Pair) -> None:
    running, _ = shop
    orders, payments = running.running["order_service"].url, running.running["payment_service"].url
    order_id = running.post(order(items=[item(quantity=3)])).json()["order_id"]
    assert httpx.get(f"{orders}/orders/{order_id}", timeout=PATIENCE_S).json() == {
        "order_id": order_id,
        "user_id": 123,
        "status": "paid",
        "items": [{"product_id": 1, "quantity": 3, "price": "29.99"}],
        "total": "89.97",
    }
    [(payment_id,)] = running.rows("payment_service", "SELECT id FROM payments WHERE order_id = %s", order_id)
    told = {"payment_id": payment_id, "order_id": order_id, "payment_status": "captured"}
    assert httpx.get(f"{payments}/payments/{payment_id}", timeout=PATIENCE_S).json() == told
    for url in (f"{orders}/orders", f"{payments}/payments"):
        assert httpx.get(f"{url}/999999", timeout=PATIENCE_S).status_code == 404
        assert httpx.get(f"{url}/0", timeout=PATIENCE_S).status_code == 400


@pytest.mark.parametrize(
    ("body", "status", "detail"),
    [
        (b"{", 400, "the body is not valid JSON"),
        (b"\xff", 400, "the body is not valid JSON"),
        (b"[]", 422, "body: Input should be an object"),
        (order(user_id="123"), 422, "user_id: Input should be a valid integer"),
        (order(user_id=0), 422, "user_id: Input should be greater than 0"),
        (order(items=[]), 422, "items: List should have at least 1 item after validation, not 0"),
        (order(items=[item(quantity=0)]), 422, "items.0.quantity: Input should be greater than 0"),
        (order(items=[item(quantity=2.5)]), 422, "items.0.quantity: Input should be a valid integer"),
        (order(items=[item(), item()]), 422, "items: Value error, a product is listed twice; combine the quantities"),
        (order(items=[item(price="0.00")]), 422, "items.0.price: Input should be greater than 0"),
        *((order(items=[item(price=price)]), 422, f"items.0.price: {NO_PRICE}") for price in NO_PRICES),
        (order(items=[item(price="29.98")]), 422, "the price of product 1 has changed; look it up and order again"),
        (order(items=[item(product_id=999)]), 422, "product 999 does not exist"),
        (order(payment_method="4242"), 422, "payment_method: String should match pattern '^pm_[a-z0-9_]{1,60}$'"),
        (order(card="x"), 422, "card: Extra inputs are not permitted"),
        (order(user_id=999), 404, "user 999 does not exist"),
        (b" " * 70_000, 413, "the body is larger than 65536 bytes"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_s2_8_what_is_no_order_is_refused_and_makes_none(shop: Pair, body: object, status: int, detail: str) -> None:
    running, _ = shop
    count = "SELECT count(*) FROM orders"
    before = running.rows("order_service", count)
    answer = running.insist(body)
    assert (answer.status_code, answer.json()["detail"]) == (status, detail)
    assert answer.headers["content-type"] == "application/problem+json"
    assert running.rows("order_service", count) == before


def test_s2_8_other_methods_and_media_types_are_refused(shop: Pair) -> None:
    url = f"{shop[0].running['api_gateway'].url}/api/orders"
    assert httpx.get(url, timeout=PATIENCE_S).status_code == 405
    assert httpx.post(url, data={"user_id": "123"}, timeout=PATIENCE_S).status_code == 415
    assert httpx.post(url, json=ORDER, headers={"idempotency-key": "no key"}, timeout=PATIENCE_S).status_code == 400


def test_s2_6_a_declined_payment_is_402_an_outcome_and_no_error(shop: Pair) -> None:
    running, receiver = shop
    trace_id = uuid.uuid4().hex
    headers = {"traceparent": f"00-{trace_id}-00000000000000aa-01"}
    answer = running.post(order(payment_method="pm_demo_declined"), key="declined", headers=headers)
    assert answer.status_code == 402
    told = answer.json()
    assert (told["detail"], told["order_status"]) == ("the payment was declined", "payment_failed")
    again = running.post(order(payment_method="pm_demo_declined"), key="declined")
    assert (again.status_code, again.json()) == (402, told)
    assert running.post(order(payment_method="pm_nobody_issued_this")).status_code == 402
    outcome = running.rows("order_service", "SELECT status FROM orders WHERE id = %s", told["order_id"])
    assert outcome == [("payment_failed",)]
    receiver.wait_for(lambda: counted(receiver, "shop.payments", "payment.outcome").get("declined") == 2)
    receiver.wait_for(lambda: counted(receiver, "shop.orders", "order.outcome").get("payment_failed") == 2)

    def servers() -> list[Any]:
        return [span for _, span in receiver.spans if span.kind == 2 and span.trace_id.hex() == trace_id]

    receiver.wait_for(lambda: len(servers()) == 4)  # each service sends its spans at its own time
    assert {span.status.code for span in servers()} == {0}, "the caller's card is not the server's error"


def test_s2_9_the_same_key_and_order_are_one_order_and_another_order_is_refused(shop: Pair) -> None:
    running, _ = shop
    key = str(uuid.uuid4())

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: running.insist(ORDER, key=key), range(8)))
    answers.append(running.post(ORDER, key=f'"{key}"'))  # the draft's own form of a key
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["order_id"] for answer in answers}) == 1
    order_id = answers[0].json()["order_id"]
    assert running.rows("payment_service", "SELECT count(*) FROM payments WHERE order_id = %s", order_id) == [(1,)]
    other = running.post(order(items=[item()]), key=key)
    assert (other.status_code, other.json()["detail"]) == (
        422,
        "idempotency-key: was used for another request; send a new key",
    )
    another = running.insist(order(user_id=1), key=key)
    assert another.status_code == 201, "another buyer's key is another key"
    assert another.json()["order_id"] != order_id
    first, second = running.post(ORDER).json(), running.post(ORDER).json()
    assert first["order_id"] != second["order_id"], "without a key they are two orders"


def test_s1_12_the_deadline_reaches_the_last_hop_and_the_order_is_settled_later(
    shop: Pair, postgres: PostgresServer
) -> None:
    running, receiver = shop
    slow = order(payment_method="pm_demo_slow")

    def status() -> str:
        [(found,)] = running.rows("order_service", "SELECT status FROM orders WHERE id = %s", order_id)
        return str(found)

    with postgres.connect(running.databases["payment_service"]) as ledger, ledger.transaction():
        # No payment is made while this is held. The deadline comes before the end of the payment's own patience: two
        # seconds of the method and five of a statement.
        ledger.execute("LOCK TABLE payments IN SHARE MODE")
        answer = running.post(slow, key="slow", headers={"x-request-timeout-ms": "6000"})
        assert answer.status_code == 504
        [(order_id,)] = running.rows("order_service", "SELECT order_id FROM order_keys WHERE key = 'slow'")
        assert status() == "payment_pending"
    wait_for(lambda: status() == "paid")
    assert running.post(slow, key="slow").json() == {"order_id": order_id, "status": "paid"}

    def linked() -> set[bytes]:
        """Traces of requests that a recovery's span links to."""
        recovered = [span for _, span in receiver.spans if span.name == "recover order"]
        requests = {span.trace_id for _, span in receiver.spans if span.name == "POST /api/orders"}
        return requests & {link.trace_id for span in recovered for link in span.links}

    receiver.wait_for(lambda: bool(linked()))
    assert running.post(slow).status_code == 201, "slow alone is no failure"


def test_s2_9_each_service_that_is_gone_is_told_and_needs_nobody_once_it_is_back(shop: Pair) -> None:
    running, _ = shop
    for number, (module, name) in enumerate(
        {"user_service": "user-service", "order_service": "order-service", "payment_service": "payment-service"}.items()
    ):
        running.stop(module)
        try:
            answer = running.post(ORDER, key=f"gone-{number}")
            assert answer.status_code in (502, 503), f"{module}: nobody waits until the time is over"
            assert name in answer.json()["detail"]
        finally:
            running.start(module).wait_ready()
        if module == "payment_service":
            paid = "SELECT count(*) FROM orders WHERE id = %s AND status = 'paid'"
            wait_for(lambda: running.rows("order_service", paid, answer.json()["order_id"]) == [(1,)])  # noqa: B023
        # between two tries to connect a client may pause for half a second
        assert running.insist(ORDER, key=f"gone-{number}").status_code == 201
    keyed = "SELECT count(order_id) FROM order_keys WHERE key LIKE 'gone-%%'"
    assert running.rows("order_service", keyed) == [(3,)]
