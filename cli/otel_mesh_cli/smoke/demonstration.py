"""What `make up` and `make smoke` end with: a user is asked for, then an order is placed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from otel_mesh_cli.smoke import order, request

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True)
class Result:
    """What both left behind."""

    user: request.Result
    order: order.Result


def run() -> Result:
    """Do both.

    Raises:
        CommandError: one of them did not go as it has to.
    """
    return Result(request.run(), order.run())


def show(result: Result, console: Console) -> None:
    """Print both, the order first: the addresses to go on with stand last."""
    order.show(result.order, console)
    request.show(result.user, console)
