"""What `make up` and `make smoke` end with: a user is asked for, then an order is placed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from local import order_smoke, smoke

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True)
class Result:
    """What both left behind."""

    user: smoke.Result
    order: order_smoke.Result


def run() -> Result:
    """Do both.

    Raises:
        LocalError: one of them did not go as it has to.
    """
    return Result(smoke.run(), order_smoke.run())


def show(result: Result, console: Console) -> None:
    """Print both, the order first: the addresses to go on with stand last."""
    order_smoke.show(result.order, console)
    smoke.show(result.user, console)
