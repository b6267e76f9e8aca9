"""The smoke check that `otel-mesh up` ends with: a request for a user, and an order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from otel_mesh_cli.smoke import order, request

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True)
class Result:
    """What both requests left behind."""

    user: request.Result
    order: order.Result


def run() -> Result:
    """Sends both requests, then waits for what must follow from them.

    Both are sent first: their spans and metrics then wait for the same exports of the services.

    Raises:
        CommandError: One of them failed, or its telemetry did not arrive.
    """
    with request.client() as http:
        request.wait_for_addresses(http)
        user, placed = request.send(http), order.send(http)
        return Result(request.finish(http, user), order.finish(http, placed))


def show(result: Result, console: Console) -> None:
    """Prints both, the order first: the addresses to go on with stand last."""
    order.show(result.order, console)
    request.show(result.user, console)
