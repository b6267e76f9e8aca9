"""The generated requests: reads of a user, and orders of two products."""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

ITEMS = ({"product_id": 1, "quantity": 2, "price": "29.99"}, {"product_id": 2, "quantity": 1, "price": "49.99"})
"""Items of every order: products of the demonstration at their displayed prices."""


@dataclass(frozen=True)
class Request:
    """A request to be sent.

    Attributes:
        method: HTTP method.
        path: Path relative to the target.
        template: URL template of the path.
        body: JSON body; None for no body.
        headers: Headers of the request.
        good: Expected status codes, including that of a declined payment, which is a regular result.
    """

    method: str
    path: str
    template: str
    body: dict[str, Any] | None
    headers: dict[str, str]
    good: frozenset[int]


class Mix:
    """A reproducible random sequence of user reads and orders.

    Args:
        users: IDs of existing users, used in turn.
        order_share: Share of orders among the requests, 0 to 1.
        seed: Seed of the random generator.
    """

    def __init__(self, users: Sequence[int], order_share: float, seed: int = 0) -> None:
        self._users = tuple(users)
        self._order_share = order_share
        self._random = random.Random(seed)  # noqa: S311 - a reproducible sequence, not cryptography
        self._count = 0

    def next(self) -> Request:
        """The next request."""
        user = self._users[self._count % len(self._users)]
        self._count += 1
        if self._random.random() < self._order_share:
            # a new key per order, so that retries by proxies do not create a second order
            headers = {"idempotency-key": str(uuid.uuid4())}
            body = {"user_id": user, "items": [dict(one) for one in ITEMS]}
            return Request("POST", "/api/orders", "/api/orders", body, headers, frozenset({200, 201, 402}))
        return Request("GET", f"/api/users/{user}", "/api/users/{id}", None, {}, frozenset({200}))
