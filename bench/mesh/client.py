"""Client in a pod: sends sequential requests and prints the duration of each in seconds. Standard library only.

``python - HOST PORT COUNT``; the requests carry an unsampled context, so the cost of recording proxy spans
is not measured.
"""

import socket
import sys
import time

UNSAMPLED = "00-5f0c5b1e7d1c4f0e9a550c9d2f6b1a77-0c9d2f6b1a775f0c-00"


def main(host: str, port: int, count: int) -> None:
    """Sends the requests over one connection, opened and warmed up by the first one."""
    request = f"GET / HTTP/1.1\r\nhost: {host}:{port}\r\ntraceparent: {UNSAMPLED}\r\n\r\n".encode()
    with socket.create_connection((host, port), timeout=10) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(count):
            began = time.perf_counter()
            connection.sendall(request)
            seen = b""
            while not seen.endswith(b"ok\n"):
                part = connection.recv(65536)
                if not part:
                    sys.exit(f"the connection ended after {seen[:80]!r}")
                seen += part
            took = time.perf_counter() - began
            if not seen.startswith(b"HTTP/1.1 200"):
                sys.exit(f"answered {seen[:80]!r}")
            print(f"{took:.7f}")


main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
