"""The second step of the smoke check: one order of 109.97 through all four services, its trace and its counts."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

import httpx

from otel_mesh_cli.core import waiting
from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.oncall import traces
from otel_mesh_cli.oncall.call_tree import CallTree
from otel_mesh_cli.oncall.picture import picture
from otel_mesh_cli.smoke import arrival, measured, remedies, request
from otel_mesh_cli.smoke.expected import call, entered, served, step
from otel_mesh_cli.smoke.expected import problems as problems_with
from otel_mesh_cli.stacks import local_stack
from otel_mesh_cli.stacks.addresses import GATEWAY, JAEGER

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console

    from otel_mesh_cli.oncall.traces import Span
    from otel_mesh_cli.smoke.expected import Branch
    from otel_mesh_cli.stacks.local_stack import Proxies

PATH = "/api/orders"
ORDER: Mapping[str, object] = {
    "user_id": 123,
    "items": [{"product_id": 1, "quantity": 2, "price": "29.99"}, {"product_id": 2, "quantity": 1, "price": "49.99"}],
}
"""109.97 in all."""

COUNTED = 'sum(shop_orders_total{order_outcome="paid"})'
"""Paid orders, over all pods of the last minutes."""

STORING = frozenset({"user-service", "order-service", "payment-service"})
"""Services that must have called a store."""


@dataclass(frozen=True)
class Sent:
    """An order that was paid; its telemetry is on its way."""

    trace_id: str
    """32 hexadecimal digits."""
    order_id: int
    """Id of the order."""


@dataclass(frozen=True)
class Result:
    """What the order left behind."""

    trace_id: str
    """32 hexadecimal digits."""
    order_id: int
    """Id of the order."""
    spans: Sequence[Span]
    """Spans of the trace."""
    paid: float
    """Paid orders that Prometheus has counted by now: this one may not be among them yet."""
    page: str | None
    """URL of the trace's page in Jaeger."""


def place(http: httpx.Client, order: Mapping[str, object] = ORDER, key: str | None = None) -> tuple[str, int]:
    """Places an order through the gateway; the same key places it once, however often it is called.

    Returns:
        The trace id (32 hexadecimal digits) and the order's id.

    Raises:
        CommandError: The order was not paid.
    """
    trace_id = secrets.token_hex(16)
    headers = {"traceparent": f"00-{trace_id}-{secrets.token_hex(8)}-01", "idempotency-key": key or trace_id}
    try:
        response = http.post(f"{GATEWAY.url}{PATH}", json=dict(order), headers=headers)
    except httpx.HTTPError as error:
        raise CommandError(f"{GATEWAY.url}{PATH}: {error}", remedy="see `otel-mesh status`") from error
    if response.status_code != HTTPStatus.CREATED or response.json()["status"] != "paid":
        raise CommandError(
            f"{GATEWAY.url}{PATH}: answered {response.status_code}: {response.text[:200]}",
            remedy=remedies.of_service("order-service"),
        )
    return trace_id, int(response.json()["order_id"])


def tree(proxies: Proxies) -> Branch:
    """The trace of a paid order, without calls to stores.

    Args:
        proxies: Proxies that make spans.
    """
    user = call("api-gateway", served("user-service", proxies), proxies)
    payment = call("order-service", served("payment-service", proxies), proxies)
    order = served("order-service", proxies, step("order-service", "take payment", payment))
    first = served(
        "api-gateway",
        proxies,
        step("api-gateway", "validate user", user),
        step("api-gateway", "create order", call("api-gateway", order, proxies)),
    )
    return entered(first, proxies)


def problems(spans: Sequence[Span]) -> list[str]:
    """What is wrong with the trace of a paid order on stack ``local``, in words; empty if nothing is."""
    return problems_in(spans, local_stack.proxies())


def problems_in(spans: Sequence[Span], proxies: Proxies) -> list[str]:
    """What is wrong with the trace of a paid order, in words; empty if nothing is.

    Args:
        spans: Spans of the trace.
        proxies: Proxies that make spans.
    """
    return problems_with(spans, tree(proxies), STORING)


def run() -> Result:
    """Places the order and waits for its trace.

    Raises:
        CommandError: It was not paid, or its trace did not arrive; the message names what is missing.
    """
    with request.client() as http:
        return finish(http, send(http))


def send(http: httpx.Client) -> Sent:
    """Places the order, again under the same key until it is paid: a pod may be on its way back.

    Raises:
        CommandError: It is not paid.
    """
    key = secrets.token_hex(16)
    trace_id, order_id = waiting.wait(
        lambda: place(http, key=key),
        request.ANSWER_DEADLINE_S,
        lambda: "no order was paid",
        remedies.of_service("order-service"),
    )
    return Sent(trace_id, order_id)


def finish(http: httpx.Client, sent: Sent) -> Result:
    """Waits for the trace of the order.

    Raises:
        CommandError: It did not arrive; the message names what is missing.
    """
    last = sent

    def send_again() -> str:
        nonlocal last
        last = send(http)
        return last.trace_id

    trace_id, spans = arrival.traced(http, sent.trace_id, send_again, problems)
    page = traces.page(http, JAEGER.url, trace_id)
    return Result(trace_id, last.order_id, spans, measured.query(http, COUNTED), page)


def show(result: Result, console: Console) -> None:
    """Prints the trace as a tree, and where to look further."""
    console.print(picture(CallTree(result.spans)))
    console.print(f"order {result.order_id} of 109.97 is paid; orders paid counted by Prometheus: {result.paid:g}")
    request.show_trace(result.trace_id, result.page, console)
