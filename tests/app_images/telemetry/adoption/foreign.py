"""Applications that are not ours, as processes whose telemetry a real receiver of OTLP takes."""

from __future__ import annotations

import http.server
import json
import os
import subprocess
import sys
import textwrap
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import httpx

from otel_mesh_cli.core import child_processes
from tests.programs.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from opentelemetry.proto.trace.v1.trace_pb2 import Span

    from tests.app_images.telemetry.otlp_receiver import Receiver

BIN = Path(sys.executable).parent
TRACE = "0af7651916cd43dd8448eb211c80319c"
CALLER = "b7ad6b7169203331"
TRACEPARENT = f"00-{TRACE}-{CALLER}-01"
SERVER, CLIENT, PRODUCER, CONSUMER = 2, 3, 4, 5  # SpanKind of OTLP


def environment(receiver: Receiver, folder: Path, **variables: str) -> dict[str, str]:
    """What such a process finds in its environment: nothing of the tests' own telemetry."""
    base = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "DJANGO_", "PYTHON"))}
    settings = {
        "OTEL_SERVICE_NAME": "books",
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint,
        "OTEL_BSP_SCHEDULE_DELAY": "100",
        "OTEL_METRIC_EXPORT_INTERVAL": "500",
        "PYTHONPATH": str(folder),
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
    }
    return {**base, **settings, **variables}


class Application:
    """A server process, killed at the end if it still runs; ``{port}`` in its command becomes its port."""

    def __init__(
        self, files: dict[str, str], command: Sequence[str], receiver: Receiver, folder: Path, **variables: str
    ) -> None:
        for name, text in files.items():
            (folder / name).write_text(textwrap.dedent(text))
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._output = folder / "output"
        with self._output.open("wb") as output:
            self.process = child_processes.start(
                [word.replace("{port}", str(self.port)) for word in command],
                cwd=folder,
                env=environment(receiver, folder, **variables),
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def text(self) -> str:
        return self._output.read_text()

    def wait_ready(self, timeout: float = 90.0) -> None:
        """Wait until it answers the probe, which leaves no span."""
        end = time.monotonic() + timeout
        while True:
            assert self.process.poll() is None, self.text()
            assert time.monotonic() < end, self.text()
            try:
                httpx.get(f"{self.url}/livez", timeout=30)
            except httpx.TransportError:
                time.sleep(0.05)
            else:
                return

    def get(self, path: str) -> int:
        headers = {"traceparent": TRACEPARENT, "x-canary": "true"}
        return httpx.get(self.url + path, headers=headers, timeout=30).status_code

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)


def of_kind(receiver: Receiver, kind: int) -> list[Span]:
    return [span for _, span in receiver.spans if span.kind == kind]


def metric(receiver: Receiver, name: str) -> Any | None:  # noqa: ANN401 - a message of OTLP
    """The newest of the name; None before the first."""
    return next((one for _, one in reversed(receiver.metrics) if one.name == name), None)


@contextmanager
def called_service(answer: object) -> Iterator[tuple[str, list[str]]]:
    """A real HTTP server that answers with JSON: its URL, and the trace contexts that it was called with."""
    contexts: list[str] = []
    body = json.dumps(answer).encode()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            contexts.append(self.headers.get("traceparent", ""))
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            """Quiet."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", contexts
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
