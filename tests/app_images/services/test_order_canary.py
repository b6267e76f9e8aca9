"""S2.10: nothing of a buyer, an amount, a card or a password is in any span, log record, line or metric."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import httpx

from tests.app_images.services.service_process import PATIENCE_S
from tests.app_images.telemetry.otlp_receiver import plain

if TYPE_CHECKING:
    from tests.app_images.services.postgres_server import PostgresServer
    from tests.app_images.services.shop import Shop
    from tests.app_images.telemetry.otlp_receiver import Receiver

MAIL = "canary.person@example.org"
CARD = "4929123443211234"
CENTS = 98765432107
AMOUNTS = ("98765432107", "987654321.07")
BUYER, PRODUCT = 777, 888
TIMES = re.compile(r"\b(?:start_)?time_unix_nano: \d+")
"""Moments of a metric's points."""
POSTS = 8
"""Orders that are sent to the gateway."""


def told(receiver: Receiver) -> str:
    """Everything that was exported, without times and ids, which may hold any digits."""
    parts: list[object] = []
    for about, span in receiver.spans:
        parts += [about, span.name, span.status.message, plain(span.attributes)]
        parts += [(event.name, plain(event.attributes)) for event in span.events]
    parts += [(about, str(record.body), plain(record.attributes)) for about, record in receiver.records]
    parts += [(about, TIMES.sub("", str(metric))) for about, metric in receiver.metrics]
    return "\n".join(map(str, parts))


def test_s2_10_no_telemetry_holds_a_mail_address_an_amount_a_card_or_a_password(
    shop: tuple[Shop, Receiver], postgres: PostgresServer
) -> None:
    running, receiver = shop
    before = receiver.spans[:]
    with postgres.connect(running.databases["user_service"]) as users:
        users.execute("INSERT INTO users VALUES (%s, 'Canary Person', %s)", [BUYER, MAIL])
    with postgres.connect(running.databases["order_service"]) as orders:
        orders.execute("INSERT INTO products VALUES (%s, 'Canary', %s)", [PRODUCT, CENTS])
    line = {"product_id": PRODUCT, "quantity": 1, "price": "987654321.07"}
    wanted = {"user_id": BUYER, "items": [line]}
    gateway, payments = running.running["api_gateway"].url, running.running["payment_service"].url
    url = f"{gateway}/api/orders"
    statuses = [
        running.post(wanted).status_code,
        running.post({**wanted, "payment_method": "pm_demo_declined"}).status_code,
        running.post({**wanted, "payment_method": CARD}).status_code,
        running.post({**wanted, "card": CARD, "email": MAIL, MAIL: CARD}).status_code,
        running.post({"user_id": BUYER, "items": [{**line, "price": "98765432.10"}]}).status_code,
        httpx.post(f"{url}?card={CARD}&email={MAIL}", json=wanted, timeout=PATIENCE_S).status_code,
        httpx.get(f"{gateway}/api/users/{BUYER}?email={MAIL}", timeout=PATIENCE_S).status_code,
        running.post(f'{{"card": "{CARD}", "total": {CENTS}'.encode()).status_code,
        httpx.post(
            f"{payments}/payments",
            json={"order_id": 10**9, "amount": CENTS, "payment_method": "pm_demo_approved", "card": CARD},
            headers={"idempotency-key": "canary"},
            timeout=PATIENCE_S,
        ).status_code,
    ]
    assert statuses == [201, 402, 422, 422, 422, 201, 200, 400, 422]
    running.stop("payment_service")
    try:
        assert running.post(wanted).status_code in (502, 503)
    finally:
        running.start("payment_service").wait_ready()
    # the last request is told of, the payments' counts come by themselves
    receiver.wait_for(lambda: [one.name for _, one in receiver.spans[len(before) :]].count("POST /api/orders") >= POSTS)
    receiver.wait_for(lambda: "shop.payments" in told(receiver))
    everything = told(receiver) + running.text()
    assert "SELECT users" in everything, "there is something to look through"
    assert "shop.payments" in everything
    for canary in (MAIL, CARD, *AMOUNTS, postgres.password):
        assert canary not in everything, canary
