"""HTTP servers inside a test's process, on a free loopback port."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from tests.programs.ports import free_port

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator


@contextmanager
def loopback_server(handler: type[BaseHTTPRequestHandler], tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """Serve until the end of the block, without a log; yields the port, at which nobody listens afterwards.

    Args:
        handler: Answers the requests.
        tls: Its certificate, and whom it trusts; None for plain HTTP.
    """
    quiet = type("Quiet", (handler,), {"log_message": lambda *_: None})
    with ThreadingHTTPServer(("127.0.0.1", free_port()), quiet) as server:
        server.daemon_threads = True
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()
