"""What is asked for: a user, or an order of two things."""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

ITEMS = ({"product_id": 1, "quantity": 2, "price": "29.99"}, {"product_id": 2, "quantity": 1, "price": "49.99"})
"""Of every order: what the demonstration sells, at the price that it shows."""


@dataclass(frozen=True)
class Asked:
    """One request.

    Attributes:
        method: of HTTP.
        path: below the target.
        template: the path with names for its variable parts.
        body: JSON; None without one.
        headers: its own.
        good: status codes that are an answer to it. A declined payment is one: the shop did what it is for.
    """

    method: str
    path: str
    template: str
    body: dict[str, Any] | None
    headers: dict[str, str]
    good: frozenset[int]


class Mix:
    """Users and orders in a given share, the same sequence for the same seed.

    Args:
        users: ids of existing users, asked for in turn.
        order_share: of the requests, between 0 and 1.
        seed: of the sequence.
    """

    def __init__(self, users: Sequence[int], order_share: float, seed: int = 0) -> None:
        self._users = tuple(users)
        self._order_share = order_share
        self._random = random.Random(seed)  # noqa: S311 - a sequence that can be repeated, no secret
        self._count = 0

    def next(self) -> Asked:
        """The next request."""
        user = self._users[self._count % len(self._users)]
        self._count += 1
        if self._random.random() < self._order_share:
            # every order is a new one; with its key a proxy may send it twice, and the shop takes it once
            headers = {"idempotency-key": str(uuid.uuid4())}
            body = {"user_id": user, "items": [dict(one) for one in ITEMS]}
            return Asked("POST", "/api/orders", "/api/orders", body, headers, frozenset({200, 201, 402}))
        return Asked("GET", f"/api/users/{user}", "/api/users/{id}", None, {}, frozenset({200}))
