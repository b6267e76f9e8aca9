"""A stream of requests from outside in the background."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx

from otel_mesh_cli.smoke import request
from otel_mesh_cli.stacks.addresses import GATEWAY

if TYPE_CHECKING:
    from collections.abc import Iterator

_PAUSE_S = 0.1


@dataclass
class Answers:
    """Number of requests, and each response other than the expected one."""

    count: int = 0
    failures: list[str] = field(default_factory=list)


@contextmanager
def requests_go_on(path: str = request.PATH, expected: int = httpx.codes.OK) -> Iterator[Answers]:
    """Send about ten requests per second from another thread until the block ends.

    Args:
        path: Path of the requests.
        expected: Status of the responses.
    """
    seen, over = Answers(), threading.Event()

    def send() -> None:
        with request.client() as http:
            while not over.wait(_PAUSE_S):
                seen.count += 1
                try:
                    answer = http.get(f"{GATEWAY.url}{path}", headers=request.UNSAMPLED)
                except httpx.HTTPError as error:
                    seen.failures.append(f"request {seen.count}: {type(error).__name__}: {error}")
                    continue
                if answer.status_code != expected:
                    seen.failures.append(f"request {seen.count}: {answer.status_code} {answer.text[:200]}")

    sender = threading.Thread(target=send, name="requests")
    sender.start()
    try:
        yield seen
    finally:
        over.set()
        sender.join()
