"""Requests that make every declared call of the shop."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from otel_mesh_cli.smoke import request
from otel_mesh_cli.stacks.addresses import GATEWAY
from otel_mesh_stack.services import CATALOG

if TYPE_CHECKING:
    import httpx

ORDER = {"user_id": 123, "items": [{"product_id": 1, "quantity": 1}]}


def send(http: httpx.Client) -> None:
    """Read a user, and place an order if possible."""
    request.request(http)
    if any(service.name == "order-service" for service in CATALOG.services):
        answer = http.post(f"{GATEWAY.url}/api/orders", json=ORDER)
        # declined is an answer too
        assert answer.status_code in (HTTPStatus.CREATED, HTTPStatus.OK, HTTPStatus.PAYMENT_REQUIRED), answer.text
