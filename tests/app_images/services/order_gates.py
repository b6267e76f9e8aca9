"""Places at which an order-service can be held, so that it can be killed exactly there."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Self

import httpx

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import psycopg

_LOCK = 42
_GATE = f"""
CREATE OR REPLACE FUNCTION gate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared({_LOCK});
    RETURN NEW;
END $$
"""


@contextmanager
def held_in_database(connection: psycopg.Connection, moment: str, status: str) -> Iterator[Callable[[], int]]:
    """Hold transactions that give an order a status: ``in`` the statement, or at the ``commit``.

    One that is held in the statement is rolled back when its client dies; one that is held at the commit is committed
    all the same: its client is killed without having heard of it.

    Yields:
        How many are held now.
    """
    event = "INSERT" if status == "created" else "UPDATE"
    when = f"FOR EACH ROW WHEN (NEW.status = '{status}') EXECUTE FUNCTION gate()"
    trigger = {
        "in": f"CREATE TRIGGER gate BEFORE {event} ON orders {when}",
        "commit": f"CREATE CONSTRAINT TRIGGER gate AFTER {event} ON orders DEFERRABLE INITIALLY DEFERRED {when}",
    }
    for statement in (_GATE, trigger[moment], f"SELECT pg_advisory_lock({_LOCK})"):
        connection.execute(statement.encode())

    def held() -> int:
        query = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = %s AND NOT granted"
        [(count,)] = connection.execute(query, [_LOCK]).fetchall()
        return int(count)

    try:
        yield held
    finally:
        connection.execute("SELECT pg_advisory_unlock_all()")
        connection.execute("DROP TRIGGER gate ON orders")


class PaymentGate:
    """Stands before payment-service and holds requests ``before`` they go on, or their answers ``after``.

    What is held goes on when the gate opens, though nobody waits for it any more: as what is late on a network does.

    Attributes:
        closed: ``before``, ``after`` or empty.
        held: how many are held now.
    """

    def __init__(self, target: str) -> None:
        self.closed = ""
        self.held = 0
        self._lock = threading.Lock()
        self._open = threading.Event()
        gate = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                names = ("content-type", "idempotency-key")
                gate.hold("before")
                headers = {name: self.headers[name] for name in names}
                answer = httpx.post(target + self.path, content=body, headers=headers, timeout=60)
                gate.hold("after")
                try:
                    self.send_response(answer.status_code)
                    self.send_header("content-type", answer.headers["content-type"])
                    self.send_header("content-length", str(len(answer.content)))
                    self.end_headers()
                    self.wfile.write(answer.content)
                except ConnectionError:
                    self.close_connection = True  # it was killed meanwhile

            def log_message(self, *_arguments: object) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def hold(self, moment: str) -> None:
        """Wait here while the gate is closed at this moment."""
        if self.closed == moment:
            with self._lock:
                self.held += 1
            self._open.wait(60)

    @contextmanager
    def holding(self, moment: str) -> Iterator[Callable[[], int]]:
        """Close the gate inside; yields how many are held now."""
        self._open.clear()
        self.held, self.closed = 0, moment
        try:
            yield lambda: self.held
        finally:
            self.closed = ""
            self._open.set()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)
