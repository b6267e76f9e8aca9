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
from otel_mesh_cli.smoke import measured, request
from otel_mesh_cli.smoke.call_tree import Branch, call, differences, entered, served, step
from otel_mesh_cli.stacks.addresses import GATEWAY, JAEGER
from otel_mesh_cli.stacks.stack_mesh import stack_mesh

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console

    from otel_mesh_cli.oncall.traces import Span
    from otel_mesh_cli.stacks.stack_mesh import StackMesh

PATH = "/api/orders"
ORDER: Mapping[str, object] = {
    "user_id": 123,
    "items": [{"product_id": 1, "quantity": 2, "price": "29.99"}, {"product_id": 2, "quantity": 1, "price": "49.99"}],
}
"""109.97 in all."""

COUNTED = 'sum(shop_orders_total{order_outcome="paid"})'
"""Orders that were paid, over all pods of the last minutes."""

STORING = frozenset({"user-service", "order-service", "payment-service"})
"""The services that must have asked their database."""


@dataclass(frozen=True)
class Result:
    """What the order left behind."""

    trace_id: str
    order_id: int
    spans: Sequence[Span]
    paid: float
    """Orders paid, as Prometheus has counted them by now: this one may be on its way yet."""
    page: str | None
    """Of the trace in Jaeger."""


def place(http: httpx.Client, order: Mapping[str, object] = ORDER, key: str | None = None) -> tuple[str, int]:
    """Place an order through the gateway, to be repeated at will under its key.

    Returns:
        The trace id (32 hexadecimal digits) and the order's id.

    Raises:
        CommandError: it was not paid.
    """
    trace_id = secrets.token_hex(16)
    headers = {"traceparent": f"00-{trace_id}-{secrets.token_hex(8)}-01", "idempotency-key": key or trace_id}
    try:
        response = http.post(f"{GATEWAY.url}{PATH}", json=dict(order), headers=headers)
    except httpx.HTTPError as error:
        raise CommandError(f"{GATEWAY.url}{PATH}: {error}", remedy="see `make status`") from error
    if response.status_code != HTTPStatus.CREATED or response.json()["status"] != "paid":
        raise CommandError(
            f"{GATEWAY.url}{PATH}: answered {response.status_code}: {response.text[:200]}",
            remedy="see `make status` and `kubectl -n shop logs deploy/order-service`",
        )
    return trace_id, int(response.json()["order_id"])


def expected(mesh: StackMesh) -> Branch:
    """The trace of an order that is paid."""
    user = call("api-gateway", served("user-service", mesh), mesh)
    payment = call("order-service", served("payment-service", mesh), mesh)
    order = served("order-service", mesh, step("order-service", "take payment", payment))
    gateway = served(
        "api-gateway",
        mesh,
        step("api-gateway", "validate user", user),
        step("api-gateway", "create order", call("api-gateway", order, mesh)),
    )
    return entered(gateway, mesh)


def missing(spans: Sequence[Span], mesh: StackMesh | None = None) -> list[str]:
    """What the trace of an order still lacks, in words; nothing when it is exactly what it has to be.

    Args:
        spans: of the trace.
        mesh: whose proxies make spans too; by default the stack's.
    """
    lacks = differences(spans, expected(mesh or stack_mesh()))
    asking = {span.service for span in spans if span.is_database}
    return lacks + [f"a database span of {service}" for service in sorted(STORING - asking)]


def run() -> Result:
    """Place the order and wait for its trace.

    Raises:
        CommandError: it was not paid, or its trace did not arrive; it names what is missing.
    """
    with request.client() as http:
        order_id = 0

        def send() -> str:
            nonlocal order_id
            key = secrets.token_hex(16)  # one order, however often it is tried: a pod may be on its way back
            trace_id, order_id = waiting.wait(
                lambda: place(http, key=key),
                request.ANSWER_DEADLINE_S,
                lambda: "no order was paid",
                "see `make status` and `kubectl -n shop logs deploy/order-service`",
            )
            return trace_id

        trace_id, spans = request.traced(http, send, missing)
        page = traces.page(http, JAEGER.url, trace_id)
        return Result(trace_id, order_id, spans, measured.query(http, COUNTED), page)


def show(result: Result, console: Console) -> None:
    """Print the trace as a tree, and where to look further."""
    console.print(traces.tree(result.spans))
    console.print(f"order {result.order_id} of 109.97 is paid; orders paid counted by Prometheus: {result.paid:g}")
    request.show_trace(result.trace_id, result.page, console)
