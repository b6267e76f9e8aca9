"""Orders on the running environment, and their outcomes."""

from __future__ import annotations

import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx

from otel_mesh_cli.smoke.order import ORDER, PATH
from otel_mesh_cli.stacks.addresses import GATEWAY

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PSQL = 'PGPASSWORD=$(cat "$POSTGRES_PASSWORD_FILE") exec psql --no-password -At -U shop -d "$2" -c "$1"'
DEADLINE_S = 10.0
"""Timeout of an order in the mesh's route; that of the gateway is lower."""


def rows(kubectl: Callable[..., str], database: str, query: str) -> list[list[str]]:
    """Rows of a query on a service's database, as lists of strings."""
    words = ("exec", "-n", "shop", "statefulset/postgres", "-c", "postgres", "--", "sh", "-c", PSQL, "sh")
    return [line.split("|") for line in kubectl(*words, query, database).splitlines()]


@dataclass
class Answer:
    """One attempt to place an order."""

    key: str
    trace_id: str
    status: int
    """HTTP status; 0 if the connection broke."""
    seconds: float
    detail: str = ""


@dataclass
class Load:
    """A few orders per second from a few clients, each with a separate idempotency key."""

    clients: int = 4
    answers: list[Answer] = field(default_factory=list)
    _running: bool = True

    def once(self, http: httpx.Client, key: str) -> Answer:
        """Place the order of an idempotency key, for the first time or again."""
        trace_id = secrets.token_hex(16)
        headers = {"traceparent": f"00-{trace_id}-{secrets.token_hex(8)}-01", "idempotency-key": key}
        began = time.monotonic()
        try:
            response = http.post(f"{GATEWAY.url}{PATH}", json=dict(ORDER), headers=headers, timeout=60)
        except httpx.TransportError as error:
            return Answer(key, trace_id, 0, time.monotonic() - began, str(error))
        seconds = time.monotonic() - began
        # the mesh answers with plain text if its route times out
        is_json = "json" in response.headers.get("content-type", "")
        detail = response.json().get("detail", "") if is_json else response.text
        return Answer(key, trace_id, response.status_code, seconds, detail)

    def _client(self) -> None:
        with httpx.Client(trust_env=False) as http:
            while self._running:
                self.answers.append(self.once(http, secrets.token_hex(8)))
                time.sleep(0.5)

    def during(self, disturb: Callable[[], None]) -> Sequence[Answer]:
        """Run the load during an action on the shop; returns all answers."""
        with ThreadPoolExecutor(self.clients) as pool:
            try:
                futures = [pool.submit(self._client) for _ in range(self.clients)]
                time.sleep(3)
                disturb()
            finally:
                self._running = False
        for future in futures:
            future.result()
        return self.answers
